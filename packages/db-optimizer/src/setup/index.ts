// Validators that follow from schemas.

export { assertModel } from "../core/model.js";
export type { InitializeOptions, InitializeResult, SetupCheck, SetupPlan } from "./initialize.js";
export { declarationFaults } from "./initialize.js";
export { jsonSchemaOf } from "./json-schema.js";
export type { BrokenPath, SchemaSample } from "./sample-schema.js";
export type { JsonSchema } from "./schema-types.js";
export type { ValidationAction } from "./validators.js";
export type { Violation, ViolationKind } from "./violations.js";
export { violationsOf } from "./violations.js";
