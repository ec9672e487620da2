import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { completionProblems, signInBy } from "./deliver-session.js";
import { passkeyRequest } from "./schemas/factors.js";
import { challengeBody, passkeySignIn, pendingBody, signedIn, signInBody } from "./schemas/sessions.js";

/** Signing in. */
export const signInRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/sessions",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [...completionProblems, "BAD_CREDENTIALS"],
      },
      schema: {
        tags: ["sessions"],
        summary: "Sign in",
        description:
          "Opens a session under the account's cap. Sets the session cookie, or returns the token. A live session of the " +
          "same account that the request's cookie stands for ends: the new one takes its place. After several " +
          "failures the next attempt has to wait, longer each time; a device that was signed in before does not. An " +
          "account with a second factor, or a sign-in that is unlike the account's owner, gets `CHALLENGE_REQUIRED` " +
          "with a `challenge` and `ask`: one of those methods, proved at `POST /v1/sessions/challenge`, ends it. " +
          "`email` is a code that the owner was sent; with `passkey` in `ask` there are options of the same name.",
        body: signInBody,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { delivery, ...credentials } = request.body;
      return signInBy(service, request, reply, delivery, (requester, deviceCookie) =>
        service.flows.signIn(requester, { ...credentials, deviceCookie }),
      );
    },
  );

  app.post(
    "/sessions/challenge",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          ...completionProblems,
          "CHALLENGE_FAILED",
          "USER_NOT_FOUND",
          "PASSKEYS_NOT_CONFIGURED",
          "SEAL_KEY_MISSING",
          "SEAL_BROKEN",
        ],
      },
      schema: {
        tags: ["sessions"],
        summary: "Go on with a sign-in that needs another proof",
        description:
          "With the mailed code, a passkey, a code of the authenticator app, a recovery code or the password, as it was asked. A " +
          "challenge is good for ten minutes, five attempts and one use, and for the client that began. Options of a passkey are " +
          "good for one answer and five minutes: `POST /v1/sessions/challenge/passkey/options` has others.",
        body: challengeBody,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { delivery, ...answered } = request.body;
      return signInBy(service, request, reply, delivery, (requester, deviceCookie) =>
        service.flows.answerChallenge(requester, { ...answered, deviceCookie }),
      );
    },
  );

  app.post(
    "/sessions/challenge/passkey/options",
    {
      config: {
        identity: "public",
        identityProblems: [
          "CHALLENGE_FAILED",
          "FACTOR_NOT_FOUND",
          "USER_NOT_FOUND",
          "PASSKEYS_NOT_CONFIGURED",
        ],
      },
      schema: {
        tags: ["sessions"],
        summary: "Options for a passkey that a sign-in asks for",
        description:
          "For `navigator.credentials.get()`; what it gives goes to `POST /v1/sessions/challenge`. Those that came with " +
          "`CHALLENGE_REQUIRED` are good for one answer: ask for others before each further try. It takes no attempt.",
        body: pendingBody,
        response: { 201: passkeyRequest },
      },
    },
    async (request, reply) => {
      const requester = requesterOf(service, request);
      const { options, ...begun } = await service.flows.beginPendingPasskey(requester, request.body);
      return reply.code(201).send({ ...begun, options: { ...options } });
    },
  );

  app.post(
    "/sessions/passkey/options",
    {
      config: {
        identity: "public",
        identityProblems: ["PASSKEYS_NOT_CONFIGURED"],
      },
      schema: {
        tags: ["sessions"],
        summary: "Options for signing in with a passkey",
        description:
          "For `navigator.credentials.get()`, from the browser's list or by the form's autofill; no user name is needed. " +
          "Good for five minutes and one answer: a page that waits longer asks for others.",
        response: { 201: passkeyRequest },
      },
    },
    async (_request, reply) => {
      const { options, ...begun } = await service.flows.beginPasskey();
      return reply.code(201).send({ ...begun, options: { ...options } });
    },
  );

  app.post(
    "/sessions/passkey",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          ...completionProblems,
          "PASSKEY_REFUSED",
          "USER_NOT_FOUND",
          "PASSKEYS_NOT_CONFIGURED",
        ],
      },
      schema: {
        tags: ["sessions"],
        summary: "Sign in with a passkey",
        description: "Opens a session as `POST /v1/sessions` does. The passkey is two factors in one.",
        body: passkeySignIn,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { delivery, ...answered } = request.body;
      return signInBy(service, request, reply, delivery, (requester, deviceCookie) =>
        service.flows.signInWithPasskey(requester, { ...answered, deviceCookie }),
      );
    },
  );
};
