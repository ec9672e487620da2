/** A generated address as a session has it: its bytes, and those of its network. */
export function addressFields(address: string): { ip: Buffer; network: Buffer } {
  if (!address.includes(":")) {
    const ip = Buffer.from(address.split(".").map(Number));
    return { ip, network: ip.subarray(0, 3) };
  }
  const ip = Buffer.from(address.split(":").join(""), "hex");
  return { ip, network: ip.subarray(0, 8) };
}

/** The text of those bytes; every group of a generated address has four digits. */
export function addressText(ip: Buffer): string {
  if (ip.length === 4) return [...ip].join(".");
  return (ip.toString("hex").match(/.{4}/g) ?? []).join(":");
}
