// Stands for @node-rs/argon2 in the tests of packages above db-models, whose own tests hold the parameters: argon2id as well,
// with the least memory and one pass. What passwords open is the same; a sixth of the workers' time went into hashing them.
import { createRequire } from "node:module";

// Vitest's alias would lead an import back to this file.
const argon2: typeof import("@node-rs/argon2") = createRequire(import.meta.url)("@node-rs/argon2");

export const { verify } = argon2;

export const hash: typeof argon2.hash = (password, options) =>
  argon2.hash(password, { ...options, memoryCost: 8, timeCost: 1 });
