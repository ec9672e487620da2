import { detectDevice, type SecurityEventInput } from "@org/db-models";
import { networkOf } from "@org/db-models/core";
import type { Requester } from "./requester.js";

/** Where a request comes from, as security events tell it. */
export type Origin = Pick<SecurityEventInput, "network" | "country" | "device">;

/** The network, the country and the device of a request, as far as they can be told. */
export function originOf(requester: Requester): Origin {
  const network = networkOf(requester.address);
  const country = requester.located?.location.country;
  const device = detectDevice(requester.userAgent).label;
  return { device, ...(network && { network }), ...(country && { country }) };
}
