import { z } from "zod";
import { IdentityError } from "./errors.js";
import { limits } from "./limits.js";

// One segment: the characters of RFC 6749 section 3.3 but the colon, which parts segments, and the asterisk.
const segment = "[\\x21\\x23-\\x29\\x2B-\\x39\\x3B-\\x5B\\x5D-\\x7E]+";
const scopePattern = new RegExp(`^(?:${segment}:)*(?:${segment}|\\*)$`);

/**
 * True for a scope: segments parted by colons, of the characters of RFC 6749 section 3.3, together at most
 * `limits.scope` characters. No segment is empty; an asterisk stands only as the whole last segment.
 */
export function isScope(value: unknown): value is string {
  return typeof value === "string" && value.length <= limits.scope && scopePattern.test(value);
}

/** Scopes as an input of an operation: valid ones, at most `limits.scopes`; becomes their canonical form. */
export const scopesSchema = z
  .array(
    z
      .string()
      .max(limits.scope)
      .refine(isScope, "must be a scope such as repo:read or repo:*")
      .meta({ pattern: scopePattern.source }),
  )
  .max(limits.scopes)
  .transform(canonicalScopes)
  .describe(
    "Scopes: segments parted by colons; repo contains repo:read, repo:* all below repo, * everything",
  );

/**
 * Reads a scope parameter: scopes parted by single spaces (RFC 6749 section 3.3). An empty text has none.
 *
 * @returns the canonical form.
 * @throws IdentityError `INVALID_SCOPE` for anything else, more than `limits.scopes`, or one that is too long.
 */
export function parseScopes(parameter: string): string[] {
  if (parameter === "") return [];
  return checkedScopes(parameter.length < longestParameter ? parameter.split(" ") : []);
}

/**
 * Reads what a client asks for as {@link parseScopes} does, but passes over needless spaces: clients that put the parameter
 * together from settings leave them.
 */
export function parseAskedScopes(parameter: string): string[] {
  if (parameter.length >= longestParameter) return checkedScopes([]);
  const scopes = parameter.split(" ").filter((part) => part !== "");
  return scopes.length === 0 ? [] : checkedScopes(scopes);
}

// Bounded before it is split.
const longestParameter = limits.scopes * (limits.scope + 1);

function checkedScopes(scopes: readonly string[]): string[] {
  if (scopes.length === 0 || scopes.length > limits.scopes || !scopes.every(isScope)) {
    throw new IdentityError("INVALID_SCOPE", "the scope is malformed, or too long");
  }
  return canonicalScopes(scopes);
}

/** The scope parameter that stands for these scopes (RFC 6749 section 3.3). */
export function formatScopes(scopes: readonly string[]): string {
  return scopes.join(" ");
}

/**
 * Whether granted scopes contain a required one. `repo` contains itself and everything below it, such as
 * `repo:read` and `repo:*`; `repo:*` contains everything below `repo`, not `repo` itself; `*` contains everything but
 * `openid` and `offline_access`.
 * Text that is no scope is never granted. Holding each of the parts known today is not holding the whole: `repo:read`
 * and `repo:write` together don't contain `repo:*`.
 *
 * @example
 * grantsScope(["repo:*", "profile"], "repo:issues:read"); // true
 */
export function grantsScope(granted: readonly string[], required: string): boolean {
  return isScope(required) && granted.some((scope) => contains(scope, required));
}

/** Scopes that change what a request is (OpenID Connect Core sections 3.1.2.1 and 11): `*` is no consent to them. */
const reserved: ReadonlySet<string> = new Set(["openid", "offline_access"]);

function contains(granted: string, required: string): boolean {
  if (granted === required) return true;
  if (reserved.has(required)) return false;
  if (granted === "*") return true;
  const below = granted.endsWith(":*") ? granted.slice(0, -1) : `${granted}:`;
  return required.startsWith(below);
}

/** Whether granted scopes contain every required one; if none is required, the answer is yes. */
export function grantsEveryScope(granted: readonly string[], required: readonly string[]): boolean {
  return required.every((scope) => grantsScope(granted, scope));
}

/** The scopes that both contain, in canonical form: `repo` and `repo:read profile` have `repo:read` in common. */
export function intersectScopes(left: readonly string[], right: readonly string[]): string[] {
  return canonicalScopes([
    ...left.filter((scope) => grantsScope(right, scope)),
    ...right.filter((scope) => grantsScope(left, scope)),
  ]);
}

/**
 * The one spelling of what scopes contain: without those that another contains, each once, sorted by code unit. Two
 * lists contain the same if and only if their canonical forms are equal.
 */
export function canonicalScopes(scopes: readonly string[]): string[] {
  const distinct = [...new Set(scopes)];
  return distinct
    .filter((scope) => !distinct.some((other) => other !== scope && contains(other, scope)))
    .sort(byCodeUnit);
}

function byCodeUnit(left: string, right: string): number {
  // Stryker disable next-line EqualityOperator: what is sorted holds no scope twice
  return left < right ? -1 : 1;
}
