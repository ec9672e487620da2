import { Schema } from "mongoose";
import { limits } from "../../core/limits.js";
import type { TokenRotation } from "../../core/rotations.js";
import { hash, list, requiredDate } from "./fields.js";

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
