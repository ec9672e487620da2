/** Milliseconds, for the limits below and the operations. */
export const duration = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
} as const;

/**
 * Every limit of the data model in one place, so that schemas, operations, the generated reference and tests
 * speak of the same number. Lengths are in characters, counts in items.
 */
export const limits = {
  email: 254, // RFC 5321: 256 with the angle brackets
  username: 64,
  displayName: 128,
  bio: 2_000,
  company: 128,
  location: 128,
  packedLocation: 512,
  timezone: 64,
  language: 35, // BCP 47: what RFC 5646 recommends to make room for
  roles: 32,
  administrators: 200,
  administratorGivers: 1_000,
  reason: 200,
  bulkUsers: 10_000, // users that a bulk job goes through
  unknownEntries: 100,
  role: 64,
  scopes: 64,
  scope: 128,
  allowlist: 64,
  cidr: 43, // the longest IPv6 text with a prefix length
  identities: 16,
  favouriteEndpoints: 10,
  endpoint: 128,
  devices: 32,
  countries: 32,
  concurrentSessions: 100,
  impersonationMs: 30 * duration.minute, // how long an administrator may act for a user
  userAgent: 512,
  riskReasons: 16,
  riskFeedback: 16,
  reportedKeys: 64, // API keys, and consents, that a report of a sign-in lists
  redirectUris: 16,
  uri: 2_048,
  clientSecrets: 2,
  clientKeys: 4,
  publicJwk: 2_048,
  privateJwk: 4_096, // RSA of 2,048 bits has some 2,300 characters once it is sealed
  signingKeys: 60,
  sealKeys: 8,
  nonce: 512,
  resources: 8,
  origins: 16,
  claims: 2_048,
  requestParameters: 16_384,
  apiKeySecrets: 2,
  leases: 64,
  accessTokens: 8,
  tokenRotations: 8,
  auditContext: 32,
  auditValue: 512,
  auditChains: 20_000,
  sealed: 128, // a network with nonce and tag, in base64url
  bucketEndpoints: 64,
  messages: 16,
  emailUndos: 5, // addresses that an account can be given back
  challenges: 5, // one-time codes of an account in a quarter of an hour
  recoveryCodes: 10,
  passkeys: 20,
  credentialId: 1_364, // 1,023 bytes in base64url (WebAuthn Level 3 section 4)
  publicKey: 1_024, // a COSE key in base64url: RSA of 4,096 bits has some 700
  transports: 8,
  rememberedDevices: 10,
  name: 128,
  description: 1_000,
} as const;
