// The named queries that the operations run, for who runs, explains or documents them.

export { readSession, type Session as ReadSession } from "../stored/session.js";
export { placeOf } from "./place.js";
export { queries, readPagePosition, writePagePosition } from "./queries.js";
export { findByQuery, runQuery } from "./run-query.js";
export { shapesOfQueries } from "./sample-queries.js";
