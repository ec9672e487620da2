import { IdentityProblem } from "../problems.js";

/** What a session may do in which an administrator acts for its user. */
const open: ReadonlySet<string> = new Set(["checkSession", "signOut"]);

type Flow = (...given: never[]) => unknown;

/**
 * Refuses every flow that is given a session in which an administrator acts for its user, but for those that check and end
 * sessions: what they do is the user's alone, in routes of the application too.
 */
export function refuseActing<T extends object>(flows: T): T {
  const closed = Object.entries<Flow>(flows as never).map(([name, flow]) => [
    name,
    open.has(name)
      ? flow
      : (...given: never[]) =>
          given.some(isOfActing) ? Promise.reject(new IdentityProblem("IMPERSONATED")) : flow(...given),
  ]);
  return Object.fromEntries(closed) as T;
}

/** A session, or what a flow takes with one. A requester has an actor too, and no user. */
function isOfActing(given: unknown): boolean {
  if (typeof given !== "object" || given === null) return false;
  if ("session" in given) return isOfActing(given.session);
  return "userId" in given && "actor" in given && given.actor !== undefined;
}
