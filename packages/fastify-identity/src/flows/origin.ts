import { detectDevice, type SecurityEventInput } from "@org/db-models";
import { networkOf } from "@org/db-models/core";
import type { FastifyRequest } from "fastify";
import type { Service } from "../service.js";

/** Where a request comes from, as security events tell it. */
export type Origin = Pick<SecurityEventInput, "network" | "country" | "device">;

/** The network, the country and the device of a request, as far as they can be told. */
export function originOf(service: Service, request: FastifyRequest): Origin {
  const network = networkOf(request.clientAddress);
  const country = service.locate(request)?.location.country;
  const device = detectDevice(request.headers["user-agent"]).label;
  return { device, ...(network && { network }), ...(country && { country }) };
}
