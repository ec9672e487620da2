/** Things of one kind: those that are shown, and those that are only counted. */
export interface Group<T> {
  readonly kind: string;
  readonly shown: readonly T[];
  readonly rest: readonly T[];
}

/**
 * Things by their kind, in the order in which each kind first comes, with the first of each to show: so that forty of one
 * kind bury nothing of another. Pure.
 */
export function groupsOf<T>(things: readonly T[], kindOf: (thing: T) => string, most: number): Group<T>[] {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const kind = kindOf(thing);
    const group = groups.get(kind);
    if (group) group.push(thing);
    else groups.set(kind, [thing]);
  }
  // One more is shown rather than counted.
  return [...groups].map(([kind, all]) => {
    const end = all.length <= most + 1 ? all.length : most;
    return { kind, shown: all.slice(0, end), rest: all.slice(end) };
  });
}

/** A few names, and how many more there are. */
export function someNames(names: readonly string[], most = 5): string {
  const more = names.length - most;
  return more > 1 ? `${names.slice(0, most).join(", ")} and ${more} more` : names.join(", ");
}
