import type { Connection } from "mongoose";

import type { ModelLike } from "../model.js";
import {
  type InitializeOptions,
  type InitializeResult,
  initialize,
  planSetup,
  type SetupPlan,
} from "./initialize.js";

/**
 * Makes a database ready for the models: collections, validators, indexes, checks.
 *
 * @example
 * const { changed, ready } = await new DatabaseInitializer(connection, [User, Session]).initialize();
 */
export class DatabaseInitializer {
  readonly #connection: Connection;
  readonly #models: readonly ModelLike[];

  constructor(connection: Connection, models: readonly ModelLike[]) {
    this.#connection = connection;
    this.#models = models;
  }

  /** See {@link initialize}. */
  initialize(options?: InitializeOptions): Promise<InitializeResult> {
    return initialize(this.#connection, this.#models, options);
  }

  /** See {@link planSetup}. */
  plan(validation?: InitializeOptions["validation"]): Promise<SetupPlan> {
    return planSetup(this.#connection, this.#models, validation);
  }
}
