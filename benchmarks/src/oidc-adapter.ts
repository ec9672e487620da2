import type { Collection, Db } from "mongodb";
import type { Adapter, AdapterPayload } from "oidc-provider";

interface Stored {
  _id: string;
  payload: AdapterPayload;
  expiresAt?: Date;
}

/** The storage of oidc-provider in MongoDB, command for command as the adapter among its examples. */
export function oidcAdapterOn(db: Db): new (name: string) => Adapter {
  return class implements Adapter {
    readonly #collection: Collection<Stored>;

    constructor(name: string) {
      this.#collection = db.collection<Stored>(name);
    }

    async upsert(_id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
      const expiry = expiresIn ? { expiresAt: new Date(Date.now() + expiresIn * 1_000) } : {};
      await this.#collection.updateOne({ _id }, { $set: { payload, ...expiry } }, { upsert: true });
    }

    async find(_id: string): Promise<AdapterPayload | undefined> {
      return (await this.#collection.findOne({ _id }, { projection: { payload: 1 } }))?.payload;
    }

    async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
      return (await this.#collection.findOne({ "payload.userCode": userCode }))?.payload;
    }

    async findByUid(uid: string): Promise<AdapterPayload | undefined> {
      return (await this.#collection.findOne({ "payload.uid": uid }))?.payload;
    }

    async consume(_id: string): Promise<void> {
      await this.#collection.findOneAndUpdate(
        { _id },
        { $set: { "payload.consumed": Math.floor(Date.now() / 1_000) } },
      );
    }

    async destroy(_id: string): Promise<void> {
      await this.#collection.deleteOne({ _id });
    }

    async revokeByGrantId(grantId: string): Promise<void> {
      await this.#collection.deleteMany({ "payload.grantId": grantId });
    }
  };
}

/** The indexes of its collections. */
export async function indexOidcCollections(db: Db): Promise<void> {
  for (const name of ["AccessToken", "AuthorizationCode", "RefreshToken", "ClientCredentials", "Grant"]) {
    await db.collection(name).createIndexes([
      { key: { "payload.grantId": 1 }, name: "grant" },
      { key: { expiresAt: 1 }, name: "ttl", expireAfterSeconds: 0 },
    ]);
  }
}
