/** The defaults, with what is given of them; what is given as `undefined` is not given. Pure. */
export function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(own) };
}
