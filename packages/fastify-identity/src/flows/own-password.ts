import type { PublicUser } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import { sessionOf } from "../plugins/authentication.js";
import type { Service } from "../service.js";
import { audit, byOwner } from "./audit.js";
import { checkPassword } from "./check-password.js";
import { ApiError } from "./problems.js";

/**
 * Checks the password of the account whose session makes the request, behind the same defence as a sign-in.
 *
 * @param action - what it is asked for; a wrong password is recorded as its denial.
 * @throws ApiError `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`.
 */
export async function checkOwnPassword(
  service: Service,
  request: FastifyRequest,
  action: string,
  password: string,
): Promise<PublicUser> {
  const { userId } = sessionOf(request);
  const user = await service.identity.users.read(userId);
  const { checked } = await checkPassword(service, { identifier: user.email, password }, request);
  if (checked.ok) return user;
  await audit(service, request, { ...byOwner(userId, action), outcome: "denied" });
  throw new ApiError("BAD_CREDENTIALS");
}

/**
 * Refuses what takes more than a live session when its user has not proved for a while who they are (ASVS 7.5.1).
 *
 * @throws ApiError `RECENT_AUTHENTICATION_REQUIRED`
 */
export function requireRecentAuthentication({ settings, clock }: Service, request: FastifyRequest): void {
  const { authenticatedAt } = sessionOf(request);
  const maxAgeMs = settings.recentAuthenticationMs;
  if (clock.now().getTime() - authenticatedAt.getTime() <= maxAgeMs) return;
  throw new ApiError("RECENT_AUTHENTICATION_REQUIRED", { authenticatedAt, maxAgeMs });
}
