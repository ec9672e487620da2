// A build for a step: as its collection's collation wants it, re-checked before each command that is sent.
import type { IndexSpec } from "../spec.js";
import { buildIndex } from "./build.js";
import { type StepContext, write } from "./context.js";
import type { OnIndex } from "./kind.js";

export async function buildDeclared(
  context: StepContext,
  index: IndexSpec,
  { collectionCollation }: Pick<OnIndex<string>, "collectionCollation">,
  { mayBeGivenUp = true } = {},
): Promise<void> {
  await buildIndex(context.connection, index, {
    collectionCollation,
    sending: (send) => write(context, send),
    signal: mayBeGivenUp ? context.signal : undefined,
    onProgress: context.onBuild,
  });
}
