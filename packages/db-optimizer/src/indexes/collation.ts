// Collations in canonical form.
import type { Document } from "../core/model.js";

/** A collation with everything that the server would fill in. */
export interface Collation {
  readonly locale: string;
  readonly caseLevel: boolean;
  readonly caseFirst: string;
  readonly strength: number;
  readonly numericOrdering: boolean;
  readonly alternate: string;
  readonly maxVariable: string;
  readonly normalization: boolean;
  readonly backwards: boolean;
}

// https://www.mongodb.com/docs/manual/reference/collation-locales-defaults/#collation-default-parameters
const defaults = {
  caseLevel: false,
  caseFirst: "off",
  strength: 3,
  numericOrdering: false,
  alternate: "non-ignorable",
  maxVariable: "punct",
  normalization: false,
  backwards: false,
} as const;

const defaultsOfLocale: Readonly<Record<string, Partial<Collation>>> = {
  fr_CA: { backwards: true },
  da: { caseFirst: "upper" },
  mt: { caseFirst: "upper" },
};

/** A collation without what its locale implies, as people write it. */
export function shortCollation(collation: Collation): Document {
  const implied = { ...canonicalCollation({ locale: collation.locale }) };
  const { locale } = collation;
  const own = Object.entries(collation).filter(([key, value]) => value !== implied[key as keyof Collation]);
  return { locale, ...Object.fromEntries(own) };
}

/**
 * The collation as `listIndexes` would report it, less the ICU version. `null` is binary comparison, which the server
 * reports as no collation or, from version 9, as `{locale: "simple"}`.
 */
export function canonicalCollation(collation: Document | null | undefined): Collation | null {
  const locale = collation?.locale;
  if (!collation || typeof locale !== "string" || locale === "simple") return null;
  const { version: _version, ...given } = collation;
  return { ...defaults, ...defaultsOfLocale[locale], ...given, locale };
}
