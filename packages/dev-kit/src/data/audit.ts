import { createCipheriv, createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { type Generation, type Id, identifier, kind, type Person } from "./people.js";
import type { Random } from "./random.js";

const chains = 4;
const sha256 = (text: string) => createHash("sha256").update(text).digest("base64url");
const firstHash = sha256("");

// An Ed25519 key that everybody can make: it signs generated data and nothing else.
const signingKey = createPrivateKey({
  key: Buffer.concat([
    Buffer.from("302e020100300506032b657004220420", "hex"),
    createHash("sha256").update("generated identity data").digest(),
  ]),
  format: "der",
  type: "pkcs8",
});
const publicKey = createPublicKey(signingKey);

/** The key, in PEM, with which `audit.verify` of @org/db-models checks the generated checkpoint. */
export const auditPublicKey = publicKey.export({ type: "spki", format: "pem" }).toString();

interface Head {
  sequence: number;
  hash: string;
}

interface AuditContent {
  at: Date;
  action: string;
  actorRef: string;
  subjectRef: string;
  sealedNetwork?: string;
}

/** Audit events in a few chains, as `audit.append` of @org/db-models writes them, and a signed checkpoint over them. */
export class AuditChains {
  readonly #heads: Head[] = Array.from({ length: chains }, () => ({ sequence: 0, hash: firstHash }));
  readonly #generation: Generation;

  constructor(generation: Generation) {
    this.#generation = generation;
  }

  /** Documents of the collection `audit_events` about one person. */
  *documents(person: Person, auditKey: string): Generator<Record<string, unknown>> {
    const { random } = person;
    const ref = createHmac("sha256", auditKey).update("audit").digest("base64url");
    const network = person.habits.places[0]?.network;
    const count = 1 + random.geometric(1);
    for (let sequence = 0; sequence < count; sequence++) {
      const at = new Date(this.#generation.now.getTime() - random.integer(1, 400 * 24 * 60) * 60_000);
      const action = random.pick(actions);
      const sealedNetwork = network && seal(auditKey, network, random);
      const event = { at, action, actorRef: ref, subjectRef: ref, ...(sealedNetwork && { sealedNetwork }) };
      yield this.#link(person, sequence, event);
    }
  }

  #link(person: Person, sequence: number, content: AuditContent) {
    const chain = person.index % chains;
    const head = this.#heads[chain] as Head;
    const event = {
      _id: identifier(content.at, person.index, kind.event, sequence),
      chainId: `writer-${chain}`,
      sequence: head.sequence,
      ...content,
      outcome: "success",
      details: [],
      schemaVersion: 1,
    };
    const eventHash = sha256(`${head.hash}\n${canonicalEvent(event)}`);
    const document = { ...event, previousHash: head.hash, eventHash };
    head.sequence += 1;
    head.hash = eventHash;
    return document;
  }

  /** The document of the collection `audit_checkpoints` over what was generated so far. */
  checkpoint(): Record<string, unknown> {
    const { now } = this.#generation;
    const states = this.#heads.map(({ sequence, hash }, chain) => ({
      chainId: `writer-${chain}`,
      from: 0,
      fromHash: firstHash,
      sequence: sequence - 1,
      eventHash: hash,
    }));
    const keyId = createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("base64url");
    const content = { number: 0, at: now, chains: states, previousHash: firstHash, keyId, schemaVersion: 1 };
    const rows = states.map((state) => Object.values(state));
    const canonical = JSON.stringify(["audit_checkpoint", 1, 0, now.toISOString(), firstHash, keyId, rows]);
    return {
      _id: identifier(now, 0, kind.checkpoint, 0),
      ...content,
      checkpointHash: sha256(canonical),
      signature: sign(null, Buffer.from(canonical), signingKey).toString("base64url"),
    };
  }
}

const actions = [
  "session.opened",
  "session.opened",
  "session.revoked",
  "password.changed",
  "consent.granted",
] as const;

function canonicalEvent(event: AuditContent & { _id: Id; chainId: string; sequence: number }): string {
  const { _id, chainId, sequence, at, action, actorRef, subjectRef, sealedNetwork = null } = event;
  const place = [_id.toHexString(), chainId, sequence, at.toISOString()];
  const untold = [null, null, null];
  return JSON.stringify([
    "audit_event",
    1,
    ...place,
    action,
    "success",
    actorRef,
    subjectRef,
    ...untold,
    sealedNetwork,
    [],
  ]);
}

/** AES-256-GCM with the person's key: nonce, text and tag. */
function seal(auditKey: string, text: string, random: Random): string {
  const nonce = random.bytes(12);
  const key = createHmac("sha256", auditKey).update("seal").digest();
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = [cipher.update(text), cipher.final()];
  return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]).toString("base64url");
}
