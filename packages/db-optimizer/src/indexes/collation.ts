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

/** Languages whose rules work on normalized text. As ICU has them (72.1; MongoDB brings 57.1 along). */
const normalizing = new Set(
  "as bn bo el fa gu he hi ig km kn kok mr my or pa ps si ta te th vi wo yi yo".split(" "),
);

// With `@collation=` come other rules, which share the normalization of their language alone.
function defaultsOfLocale(locale: string): Partial<Collation> {
  const [place = "", variant] = locale.split("@collation=");
  const language = place.split("_")[0] ?? "";
  const searches = variant?.startsWith("search") === true;
  return {
    ...((normalizing.has(language) || searches) && { normalization: true }),
    ...(variant === undefined && {
      ...(place === "fr_CA" && { backwards: true }),
      ...((language === "da" || language === "mt") && { caseFirst: "upper" }),
      ...(language === "th" && { alternate: "shifted" }),
    }),
  };
}

/** A collation without what its locale implies, as people write it. */
export function shortCollation(collation: Collation): Pick<Collation, "locale"> & Partial<Collation> {
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
  return { ...defaults, ...defaultsOfLocale(locale), ...Object.fromEntries(givenIn(collation)), locale };
}

/** The options that a collation is given, beside its locale. */
function givenIn({
  locale: _locale,
  version: _version,
  ...options
}: Document): [name: string, value: unknown][] {
  return Object.entries(options).filter(([, value]) => value !== undefined);
}

const values: Readonly<Record<Exclude<keyof Collation, "locale">, readonly unknown[]>> = {
  caseLevel: [true, false],
  caseFirst: ["upper", "lower", "off"],
  strength: [1, 2, 3, 4, 5],
  numericOrdering: [true, false],
  alternate: ["non-ignorable", "shifted"],
  maxVariable: ["punct", "space"],
  normalization: [true, false],
  backwards: [true, false],
};

/**
 * Why the server refuses a collation; empty when nothing is known against it. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/reference/collation/
 */
export function collationProblems(collation: Document): string[] {
  const { locale } = collation;
  if (typeof locale !== "string" || locale === "") return ["its collation names no locale"];
  const given = givenIn(collation);
  if (locale === "simple")
    return given.length > 0 ? ["a collation whose locale is simple has no other option"] : [];
  if (/^[a-z]+-/i.test(locale))
    return [`its collation's locale is ${locale}: MongoDB writes ${locale.replaceAll("-", "_")}`];
  const wrong = given.flatMap(([name, value]) => {
    if (!Object.hasOwn(values, name)) return [`a collation has no option ${name}`];
    const known = values[name as keyof typeof values];
    return known.includes(value)
      ? []
      : [`its collation's ${name} is ${JSON.stringify(value)}: it must be ${textOfList(known)}`];
  });
  return wrong.length > 0 ? wrong : strengthProblems(collation);
}

// The locale's own defaults count as well: Danish begins with capitals, Canadian French reads accents backwards.
function strengthProblems(collation: Document): string[] {
  const { strength, caseFirst, caseLevel, backwards } = canonicalCollation(collation) as Collation;
  return [
    ...(backwards && strength === 1 ? ["its collation is backwards, which strength 1 has no use for"] : []),
    ...(caseFirst !== "off" && !caseLevel && strength < 3
      ? [
          `its collation's caseFirst is ${caseFirst}, and strength ${strength} ignores case: set caseFirst to "off" or caseLevel to true`,
        ]
      : []),
  ];
}

function textOfList(known: readonly unknown[]): string {
  const texts = known.map((value) => JSON.stringify(value));
  return `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
}
