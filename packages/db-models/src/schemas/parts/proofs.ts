import { Schema } from "mongoose";
import { type Proof, proofMethods } from "../../core/assurance.js";
import { list, requiredDate } from "./fields.js";

const proofSchema = new Schema<Proof>(
  { method: { type: String, enum: proofMethods, required: true }, at: requiredDate },
  { _id: false },
);

/** At most one proof of each method. */
export const proofs = { ...list(proofSchema, proofMethods.length), default: undefined };
