/** The fields that a read brings: 1 for those alone, 0 for all but those. */
export type Projection = Readonly<Record<string, 0 | 1>>;
