/** Takes what a flow could not do and nobody waits for. */
export interface FlowLog {
  error(facts: object, message: string): void;
}
