import type { Authentication, ReservedLoginAttempt } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Service } from "../service.js";
import { originOf } from "./origin.js";
import { ApiError } from "./problems.js";

export interface Credentials {
  identifier: string;
  password: string;
}

/** What became of a password, and the failures before it that are not forgotten yet. */
export interface CheckedPassword {
  checked: Authentication;
  failures: { account: number; network: number };
}

/**
 * Checks a password behind the brute-force defence, which counts the attempt before the password is looked at.
 *
 * @param deviceCookie - what the device will be known by once the password was right.
 * @throws ApiError `SIGN_IN_DELAYED`.
 */
export async function checkPassword(
  service: Service,
  credentials: Credentials,
  request: FastifyRequest,
  deviceCookie?: string,
): Promise<CheckedPassword> {
  const attempt = await reserve(service, credentials.identifier, request);
  const checked = await service.identity.users.authenticate(credentials);
  // Who knows the password of an account that is not active has guessed nothing.
  const succeeded = checked.ok || checked.reason === "not_active";
  const outcome = {
    attempt,
    succeeded,
    origin: originOf(service, request),
    ...(checked.userId && { userId: checked.userId }),
    ...(deviceCookie && checked.ok && { deviceCookie }),
    defer: (record: () => Promise<void>) => {
      request.deferred = [...(request.deferred ?? []), record];
    },
  };
  await service.identity.logins.settle(outcome);
  return { checked, failures: { account: attempt.accountFailures, network: attempt.networkFailures } };
}

/** Sign-ins of one account that come at once wait so long for each other, rather than being taken for guesses. */
const evaluationWaitMs = 2_000;

async function reserve(
  service: Service,
  identifier: string,
  request: FastifyRequest,
): Promise<ReservedLoginAttempt> {
  const deviceCookie = request.deviceCookie();
  const input = {
    identifier,
    ip: request.clientAddress,
    ...(deviceCookie && { deviceCookie }),
    challengeSolved: await service.solvesChallenge(request),
    waitMs: evaluationWaitMs,
  };
  const admission = await service.identity.logins.reserve(input);
  if (admission.ok) return admission.attempt;
  const { retryAfterMs, challenge } = admission;
  throw new ApiError("SIGN_IN_DELAYED", { retryAfterMs, challenge });
}
