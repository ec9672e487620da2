import { afterAll } from "vitest";
import { endChildren } from "./children.js";

// A setup file: Vitest runs it for each test file, also where several share what they import. A hook in a module that tests
// import would be there for the first of them only.
afterAll(endChildren);
