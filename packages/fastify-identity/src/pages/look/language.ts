import type { ComponentChild } from "preact";
import { english, type MessageId } from "../messages/english.js";

/** Texts in another language; what is left out stays English, and is marked so. */
export interface Catalogue {
  /** BCP 47 tag, such as `de` or `pt-BR`. */
  readonly lang: string;
  /** Default: `ltr`. */
  readonly dir?: "ltr" | "rtl";
  readonly messages: Messages;
}

/** Texts by id; `{name}` stands for a value. */
export type Messages = Readonly<Partial<Record<MessageId, string>>>;

/** A text with its values. */
export interface Text {
  readonly id: MessageId;
  readonly values?: TextValues;
}

export type TextValues = Readonly<Record<string, string | number>>;

/** The English texts as a catalogue. */
const englishCatalogue: Catalogue = { lang: "en", messages: english };

/** A text of a catalogue, or the English one where it has none. */
export function lookUp(catalogue: Catalogue, id: MessageId): { text: string; isFallback: boolean } {
  const text = catalogue.messages[id];
  return text === undefined ? { text: english[id], isFallback: true } : { text, isFallback: false };
}

/** A text as a plain string, where no element can say its language: an English one keeps its direction (UAX #9). */
export function plain(catalogue: Catalogue, id: MessageId, values?: TextValues): string {
  const { text, isFallback } = lookUp(catalogue, id);
  const filled = fill(text, values);
  return isFallback && catalogue.dir === "rtl" ? `\u2066${filled}\u2069` : filled;
}

/** The text around its values: those at odd places are names of values. */
export const partsOf = (text: string): string[] => text.split(/\{(\w+)\}/);

/** A text as a plain string. */
export function fill(text: string, values: Readonly<Record<string, ComponentChild>> = {}): string {
  return partsOf(text)
    .map((part, at) => (at % 2 === 1 ? String(values[part] ?? "") : part))
    .join("");
}

/**
 * The catalogue for a reader: by what they asked for (`ui_locales` of OpenID Connect Core section 3.1.2.1, the profile),
 * then by `Accept-Language` (RFC 9110 section 12.5.4). A tag is cut from its end until one matches (RFC 4647 section 3.4).
 */
export function chooseCatalogue(
  catalogues: readonly Catalogue[],
  wanted: readonly (string | undefined)[],
  acceptLanguage = "",
): Catalogue {
  const asked = wanted.flatMap((tags) => (tags ?? "").split(/\s+/)).filter(Boolean);
  for (const tag of [...asked, ...acceptedTags(acceptLanguage)]) {
    const found = matching(catalogues, tag);
    if (found) return found;
  }
  return englishCatalogue;
}

const maxTags = 20;

function acceptedTags(header: string): string[] {
  const ranges = header.slice(0, 1_000).split(",").slice(0, maxTags);
  const weighed = ranges.map((range, at) => {
    const [tag = "", ...parameters] = range.split(";").map((part) => part.trim());
    const q = parameters.map((one) => /^q=([\d.]+)$/i.exec(one)?.[1]).find(Boolean);
    return { tag, weight: q === undefined ? 1 : Number(q) || 0, at };
  });
  return weighed
    .filter(({ tag, weight }) => tag !== "" && tag !== "*" && weight > 0)
    .sort((one, other) => other.weight - one.weight || one.at - other.at)
    .map(({ tag }) => tag);
}

function matching(catalogues: readonly Catalogue[], tag: string): Catalogue | undefined {
  const subtags = tag.toLowerCase().slice(0, 64).split("-");
  for (let length = subtags.length; length > 0; length -= 1) {
    const prefix = subtags.slice(0, length).join("-");
    const found = [...catalogues, englishCatalogue].find(({ lang }) => lang.toLowerCase() === prefix);
    if (found) return found;
  }
  return undefined;
}
