import type { PageFrame } from "./look/frame.js";
import { type Catalogue, lookUp, partsOf } from "./look/language.js";

/**
 * Texts of a catalogue as content. Values are isolated, so that a name in another script does not turn the sentence around
 * (UAX #9); an English text on a page in another language says that it is one (WCAG 2.2, 3.1.2).
 */
export function sayIn(catalogue: Catalogue): PageFrame["say"] {
  return (id, values = {}) => {
    const { text, isFallback } = lookUp(catalogue, id);
    const content = partsOf(text).map((part, at) => (at % 2 === 1 ? <bdi>{values[part]}</bdi> : part));
    if (!isFallback) return <>{content}</>;
    return (
      <span lang="en" dir="ltr">
        {content}
      </span>
    );
  };
}
