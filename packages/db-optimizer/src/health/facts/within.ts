/** Runs one probe within its time. */
export type Within = <T>(doing: string, probe: () => Promise<T>) => Promise<Probed<T>>;

/** What a probe found, or why it found nothing: an unknown is never taken for a good answer. */
export type Probed<T> =
  | { readonly known: true; readonly value: T }
  | {
      readonly known: false;
      readonly reason: string;
      /** The server has no such thing to tell: no privilege and no second try would help. */
      readonly unsupported?: boolean;
    };
