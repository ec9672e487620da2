import { afterAll, vi } from "vitest";
import { endChildren } from "./children.js";
import { runsAllFaults } from "./faults.js";

// A setup file: Vitest runs it for each test file, also where several share what they import. A hook in a module that tests
// import would be there for the first of them only.
afterAll(endChildren);

// Fifty kills on a busy machine take their time; what has hung for an hour will not end.
if (runsAllFaults()) vi.setConfig({ testTimeout: 3_600_000, hookTimeout: 3_600_000 });
