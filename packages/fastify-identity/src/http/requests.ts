import type { ActiveSession, RenewedSession } from "@org/db-models";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import type { SetCookie } from "../flows/cookies.js";
import type { FlowLog } from "../flows/flow-log.js";
import { type Located, locatedBy, type Requester } from "../flows/requester.js";
import type { Service } from "../service.js";
import { clientAddressOf } from "./client-address.js";

type Work = () => Promise<unknown>;

/** A session in which somebody acts for its user. */
type Impersonated = Pick<ActiveSession, "userId" | "absoluteExpiresAt"> &
  Required<Pick<ActiveSession, "actor">>;

interface OpenedSession {
  readonly userId: Types.ObjectId;
  readonly id: Types.ObjectId;
}

/** State of the plugin for a request. */
class RequestState {
  requester: Requester | undefined;
  /** Work to do after responding; what comes once {@link releaseDeferred} was called is done at once. */
  deferred: Work[] | undefined;
  release: ((act: Work) => void) | undefined;
  /** Whom the request is counted for, where no guard has told: a sign-in, a refresh. */
  countedFor: { userId: Types.ObjectId; sessionId: Types.ObjectId } | undefined;
  /** The session that the answer hands over for the first time. */
  opened: OpenedSession | undefined;
  /** Ends a session that is opened after the answer, which was an error. */
  endOpened: ((opened: OpenedSession) => void) | undefined;
  /** The OAuth client that the request is counted for, and what it asked for at an endpoint that does several things. */
  countedClient: { readonly clientId: string; readonly what?: string } | undefined;
  /** The session in which an administrator acts for a user, where it comes with one. */
  impersonation: Impersonated | undefined;
  /** When a guard let it through, by a clock that only goes ahead, milliseconds. */
  guardedAt: number | undefined;
  /** Its answer was sent, or its client has hung up. */
  isAnswered = false;
}

/** Nobody else's code finds it; a weak map would have the garbage collector look through all requests again and again. */
const stateKey = Symbol("org.identity.state");

type Stateful = FastifyRequest & { [stateKey]?: RequestState | null };

/** Makes room for the state of each request, so that all requests have one shape. */
export function keepState(app: FastifyInstance): void {
  app.decorateRequest(stateKey, null);
}

export function stateOf(request: FastifyRequest): RequestState {
  const stateful: Stateful = request;
  stateful[stateKey] ??= new RequestState();
  return stateful[stateKey];
}

/** Says which session the answer hands over: nobody has its token unless the answer arrives. */
export function noteOpened(request: FastifyRequest, { userId, id }: OpenedSession): void {
  const state = stateOf(request);
  state.opened = { userId, id };
  state.countedFor = { userId, sessionId: id };
  state.endOpened?.(state.opened);
}

/** Does the work of a request that was deferred, and from now on whatever still comes. */
export function releaseDeferred(request: FastifyRequest, run: (act: Work) => void): void {
  const state = stateOf(request);
  state.release = run;
  for (const act of state.deferred?.splice(0) ?? []) run(act);
}

/** Facts about a request for flows. */
export function requesterOf(service: Service, request: FastifyRequest): Requester {
  const state = stateOf(request);
  state.requester ??= new HttpRequester(service, request, state);
  return state.requester;
}

/** Reads of a request what a flow asks for: most requests only have their session checked. */
class HttpRequester implements Requester {
  readonly #service: Service;
  readonly #request: FastifyRequest;
  readonly #state: RequestState;
  #place: { readonly located: Located | undefined } | undefined;

  constructor(service: Service, request: FastifyRequest, state: RequestState) {
    this.#service = service;
    this.#request = request;
    this.#state = state;
  }

  get address(): string | undefined {
    return clientAddressOf(this.#request);
  }

  get userAgent(): string | undefined {
    return this.#request.headers["user-agent"];
  }

  get located(): Located | undefined {
    const locate = () => this.#service.settings.locate(this.#request);
    this.#place ??= { located: locatedBy(this.log, locate) };
    return this.#place.located;
  }

  get sessionToken(): string | undefined {
    return this.#service.cookies.readSession(this.#request.headers.cookie);
  }

  get deviceId(): string | undefined {
    return this.#service.cookies.readDevice(this.#request.headers.cookie);
  }

  get actor(): Types.ObjectId | undefined {
    const { identity } = this.#request;
    return this.#state.impersonation?.actor ?? (identity && "actor" in identity ? identity.actor : undefined);
  }

  get log(): FlowLog {
    return this.#request.log;
  }

  async challengeSolved(): Promise<boolean> {
    return this.#service.settings.solvesChallenge(this.#request);
  }

  defer(act: Work): void {
    const state = this.#state;
    if (state.release) state.release(act);
    else {
      state.deferred ??= [];
      state.deferred.push(act);
    }
  }
}

/** Hands the session of a sign-in to a browser: who signs in there acts for nobody any more. */
export function handSession(
  { cookies, clock }: Service,
  { headers: { cookie } }: FastifyRequest,
  reply: FastifyReply,
  { token, idleExpiresAt }: Pick<RenewedSession, "token" | "idleExpiresAt">,
): void {
  setCookie(reply, cookies.session(token, idleExpiresAt, clock.now()));
  if (cookies.readImpersonation(cookie) !== undefined) setCookie(reply, cookies.endImpersonation());
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
