/** A problem of an event, or of the place where one should be. */
export type AuditProblem =
  | "edited"
  | "missing"
  | "reordered"
  | "inserted"
  | "truncated"
  | "rewritten"
  | "chain_missing";

/** The first broken event of a chain. */
export interface AuditBreak {
  chainId: string;
  sequence: number;
  /**
   * `edited`: its content is not what was hashed. `missing`: the chain goes on after it, without it. `reordered`: it
   * is another event of the chain. `inserted`: the chain holds together without it. `truncated`: a checkpoint knows
   * it, and the chain ends before. `rewritten`: the chain holds together up to it, but a checkpoint saw another event.
   * `chain_missing`: a checkpoint knows the chain, and nothing is left of it.
   */
  problem: AuditProblem;
}

/** A place between two events: the sequence that comes next, and the hash before it. */
export interface ChainPosition {
  sequence: number;
  hash: string;
}
