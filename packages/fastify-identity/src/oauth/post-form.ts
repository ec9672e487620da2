import { lookup as systemLookup } from "node:dns";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isAllowed } from "@org/db-models/core";

/** Networks of IPv4 that no client of ours is at. */
const closedNetworks = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/3",
] as const;

/** Addresses that no client of ours is at: this machine, private networks, link-local ones with their metadata services. */
const closedRanges = [
  ...closedNetworks,
  ...closedNetworks.map(by6to4),
  "::/127",
  // Site-local addresses, which RFC 3879 has deprecated and networks may have still.
  "fec0::/10",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
];

/** A network of IPv4 as 6to4 has it in an address of IPv6 (RFC 3056 section 2). */
function by6to4(network: string): string {
  const [address = "", length] = network.split("/");
  const hex = address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return `2002:${hex.slice(0, 2).join("")}:${hex.slice(2).join("")}::/${16 + Number(length)}`;
}

export const isClosedAddress = (address: string): boolean => isAllowed(closedRanges, address);

/** Resolves a name, and refuses it when it leads to a closed address: checked where it is connected to. */
const openLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error || !first) return callback(error ?? new Error("the name has no address"), "", 4);
    if (addresses.some(({ address }) => isClosedAddress(address))) {
      return callback(new Error("the name leads to a private address"), "", 4);
    }
    return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};

interface PostOptions {
  readonly timeoutMs: number;
  /** Whether this machine may be called, for development. */
  readonly local: boolean;
}

/** Posts a form to an address of a client's, without following redirects. @returns the status. */
export function postForm(
  address: string,
  fields: Readonly<Record<string, string>>,
  { timeoutMs, local }: PostOptions,
): Promise<number> {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // An address in the place of a name is not looked up.
  if (!local && (url.protocol !== "https:" || (isIP(host) !== 0 && isClosedAddress(host)))) {
    return Promise.reject(new Error("the address is private"));
  }
  const body = new URLSearchParams(fields).toString();
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(body),
      },
      signal: AbortSignal.timeout(timeoutMs),
      ...(!local && { lookup: openLookup }),
    });
    request.once("error", reject);
    request.once("response", (response) => {
      // The answer is not used, however long it is.
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.end(body);
  });
}
