/** Marks what this package runs on a user's collections, for profilers and logs: it is no work of the user's. */
export const ownWork = { comment: "org-db" } as const;

/** Matches profiler entries and running operations of everybody else, by their command. */
export const ofOthers = { "command.comment": { $ne: ownWork.comment } } as const;
