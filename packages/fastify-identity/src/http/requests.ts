import type { FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import type { SetCookie } from "../flows/cookies.js";
import type { Located, Requester } from "../flows/requester.js";
import { requesterFrom } from "../flows/requester.js";
import { withTimeLimit } from "../flows/time-limit.js";
import type { Service } from "../service.js";
import { clientAddressOf } from "./client-address.js";

type Work = () => Promise<unknown>;

/** State of the plugin for a request, kept outside the request object. */
interface RequestState {
  requester?: Requester;
  /** Work to do after responding; what comes once {@link release} was called is done at once. */
  readonly deferred: Work[];
  release?: (act: Work) => void;
  /** Whom the request is counted for, where no guard has told: a sign-in, a refresh. */
  countedFor?: { userId: Types.ObjectId; sessionId: Types.ObjectId };
}

const states = new WeakMap<FastifyRequest, RequestState>();

export function stateOf(request: FastifyRequest): RequestState {
  const known = states.get(request);
  if (known) return known;
  const state: RequestState = { deferred: [] };
  states.set(request, state);
  return state;
}

/** Does the work of a request that was deferred, and from now on whatever still comes. */
export function releaseDeferred(request: FastifyRequest, run: (act: Work) => void): void {
  const state = stateOf(request);
  state.release = run;
  for (const act of state.deferred.splice(0)) run(act);
}

/** Facts about a request for flows. */
export function requesterOf(service: Service, request: FastifyRequest): Requester {
  const state = stateOf(request);
  const { cookies } = service;
  let place: { readonly located: Located | undefined } | undefined;
  state.requester ??= requesterFrom({
    get address() {
      return clientAddressOf(request);
    },
    userAgent: request.headers["user-agent"],
    get located() {
      place ??= { located: locatedBy(service, request) };
      return place.located;
    },
    get sessionToken() {
      return cookies.readSession(request.headers.cookie);
    },
    get deviceId() {
      return cookies.readDevice(request.headers.cookie);
    },
    log: request.log,
    challengeSolved: () => solvedBy(service, request),
    defer: (act) => (state.release ? state.release(act) : void state.deferred.push(act)),
  });
  return state.requester;
}

/** Where a request comes from is worth less than its answer: a locator that fails leaves it unknown. */
function locatedBy({ settings }: Service, request: FastifyRequest): Located | undefined {
  try {
    return settings.locate(request);
  } catch (err) {
    request.log.error({ err }, "locate failed");
    return undefined;
  }
}

/** A check that fails or takes too long has seen no solved challenge. */
async function solvedBy({ settings, hookTimeoutMs }: Service, request: FastifyRequest): Promise<boolean> {
  const late = `solvesChallenge took longer than ${hookTimeoutMs} ms`;
  try {
    return (await withTimeLimit(hookTimeoutMs, late, () => settings.solvesChallenge(request))) === true;
  } catch (err) {
    request.log.error({ err }, "solvesChallenge failed");
    return false;
  }
}

/** Sets a cookie, in the place of one of the same name: RFC 6265 section 4.1.1 wants each once. */
export function setCookie(reply: FastifyReply, { name, header }: SetCookie): void {
  const others = [reply.getHeader("set-cookie") ?? []]
    .flat()
    .map(String)
    .filter((one) => !one.startsWith(`${name}=`));
  reply.removeHeader("set-cookie");
  reply.header("set-cookie", [...others, header]);
}
