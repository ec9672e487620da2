/**
 * Passkeys for the address under which people reach the service; none under an IP address, to which browsers bind no
 * passkey.
 */
export function passkeysOf(issuer: string): { passkeys?: { rpId: string; origins: string[] } } {
  const { hostname, origin, protocol } = new URL(issuer);
  const isDomain = /[a-z]$/.test(hostname);
  const isSecure = protocol === "https:" || hostname === "localhost";
  return isDomain && isSecure ? { passkeys: { rpId: hostname, origins: [origin] } } : {};
}
