import type { FastifyInstance } from "fastify";
import type { Service } from "../service.js";
import { afterAnswer } from "./after-answer.js";
import { authentication } from "./authentication.js";
import { clientAddress } from "./client-address.js";
import { closing } from "./closing.js";
import { deviceCookie } from "./device-cookie.js";
import { erasures } from "./erasures.js";
import { errors } from "./errors.js";
import { rateLimit } from "./rate-limit.js";
import { sameOrigin } from "./same-origin.js";
import { securityHeaders } from "./security-headers.js";
import { sessionCookie } from "./session-cookie.js";
import { strictHeaders } from "./strict-headers.js";
import { usageRecording } from "./usage-recording.js";

// In this order, for hooks run in the order of registration: whatever refuses without a read comes first.
export async function registerDefences(app: FastifyInstance, service: Service): Promise<void> {
  await app.register(errors);
  await app.register(clientAddress);
  await app.register(afterAnswer, { service });
  await app.register(securityHeaders);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  await app.register(strictHeaders);
  await app.register(sameOrigin);
  await app.register(rateLimit, { service });
  await app.register(sessionCookie, { service });
  await app.register(deviceCookie, { service });
  await app.register(authentication, { service });
  await app.register(usageRecording, { service });
  await app.register(closing, { service });
  await app.register(erasures, { service });
}
