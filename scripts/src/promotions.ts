// Makes administrators of accounts, for a fuzzer that can't ask two people to approve.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createIdentity, type IdentityDatabase } from "@org/db-models";
import { administratorRoles } from "@org/db-models/core";
import { Types } from "mongoose";

/** Serves on loopback: the user whose id is posted gets every role, and their sessions have proved a second factor. */
export async function servePromotions({ connection, models }: IdentityDatabase) {
  const identity = createIdentity({ connection });
  const promote = async (userId: Types.ObjectId) => {
    await identity.administrators.setRoles({ userId, roles: administratorRoles });
    await models.UserSession.collection.updateMany({ userId }, [
      { $set: { proofs: { $concatArrays: ["$proofs", [{ method: "totp", at: new Date() }]] } } },
    ]);
  };
  const server = createServer(async (request, response) => {
    try {
      const id = await text(request);
      await promote(Types.ObjectId.createFromHexString(id));
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const close = () => void server.close();
  return { address: `http://127.0.0.1:${port}`, close };
}
