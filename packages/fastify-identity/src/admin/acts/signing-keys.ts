import type { ListedSigningKey, SigningAlgorithm } from "@org/db-models";
import { IdentityProblem } from "../../flows/problems.js";
import { type Acting, noteRead, recorded } from "../acting.js";

/** The keys that sign tokens, or did and are published, by algorithm, the oldest first. */
export async function listSigningKeys(acting: Acting): Promise<ListedSigningKey[]> {
  const keys = await acting.service.identity.oauth.listSigningKeys();
  await noteRead(acting, { action: "admin.signing_keys_listed" });
  return keys;
}

/** Publishes a successor, unless one waits already. */
export async function rotateSigningKey(
  acting: Acting,
  { algorithm, reason }: { readonly algorithm: SigningAlgorithm; readonly reason: string },
): Promise<void> {
  const event = { action: "admin.signing_key_rotated", reason, details: { algorithm } } as const;
  await recorded(acting, event, () => acting.service.identity.oauth.rotateSigningKey({ algorithm }));
}

/**
 * Withdraws a key that others may have.
 *
 * @throws IdentityProblem `SIGNING_KEY_NOT_FOUND`, also for one that is no longer published.
 */
export async function withdrawSigningKey(
  acting: Acting,
  { kid, reason }: { readonly kid: string; readonly reason: string },
): Promise<void> {
  const { oauth } = acting.service.identity;
  const isThere = (await oauth.listSigningKeys()).some((key) => key.kid === kid);
  if (!isThere) throw new IdentityProblem("SIGNING_KEY_NOT_FOUND");
  const target = { targetType: "signing_key", targetId: kid };
  await recorded(acting, { action: "admin.signing_key_withdrawn", reason, ...target }, async () => {
    if (!(await oauth.withdrawSigningKey({ kid }))) throw new IdentityProblem("SIGNING_KEY_NOT_FOUND");
  });
}
