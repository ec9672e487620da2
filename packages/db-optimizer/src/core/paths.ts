// Dotted paths of fields.

/** Whether a path is another one, or lies below it: `a.b` is within `a`. Pure. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}.`);
}
