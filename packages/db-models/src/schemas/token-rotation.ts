import { Schema } from "mongoose";
import { hash, limits, list, requiredDate } from "./common.js";

/** A token that was replaced. */
export interface TokenRotation {
  /** SHA-256 of the token before. */
  tokenHash: string;
  /** Its successor, for whoever presents it again within the grace interval: read from it and that token, and nothing less. */
  sealedSuccessor: string;
  rotatedAt: Date;
}

const rotationSchema = new Schema<TokenRotation>(
  {
    tokenHash: { ...hash, required: true },
    sealedSuccessor: { ...hash, required: true },
    rotatedAt: requiredDate,
  },
  { _id: false },
);

/** The last rotations, the newest last. */
export const tokenRotations = list(rotationSchema, limits.tokenRotations);
