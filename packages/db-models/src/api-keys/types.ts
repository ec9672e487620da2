import type { Types } from "mongoose";
import type { ApiKeyDocument } from "../schemas/api-key.js";

/** A key as its owner sees it: nothing in it is a secret. */
export type ApiKeySummary = Pick<
  ApiKeyDocument,
  | "name"
  | "start"
  | "scopes"
  | "ipAllowlist"
  | "rateLimit"
  | "quota"
  | "usage"
  | "lastUsedAt"
  | "createdAt"
  | "expiresAt"
> & {
  id: Types.ObjectId;
  /** When the present key took the place of another. */
  rotatedAt?: Date;
  /** When the key before it ends, or ended. */
  formerExpiresAt?: Date;
};

export interface CreatedApiKey {
  apiKey: ApiKeySummary;
  /** The key itself, here and never again. */
  key: string;
}

export interface RotatedApiKey extends CreatedApiKey {
  /** When the key before ends. */
  formerExpiresAt: Date;
}
