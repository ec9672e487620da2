import { domainToUnicode } from "node:url";

/** The scripts of domains, each as those write who use it. Of any other, and of a mixture, the ASCII form is shown. */
const scripts = [
  ["Latin"],
  ["Greek"],
  ["Cyrillic"],
  ["Armenian"],
  ["Georgian"],
  ["Hebrew"],
  ["Arabic"],
  ["Devanagari"],
  ["Bengali"],
  ["Tamil"],
  ["Thai"],
  ["Hangul"],
  ["Han", "Hiragana", "Katakana"],
].map((names) => new RegExp(`^[${names.map((name) => `\\p{scx=${name}}`).join("")}\\p{Nd}-]+$`, "u"));

/** An address as its owner writes it: a label of the domain in Unicode where it is of one script (UTS 39), else in ASCII. */
export function shownAddress(email: string): string {
  const at = email.lastIndexOf("@") + 1;
  return email.slice(0, at) + email.slice(at).split(".").map(shownLabel).join(".");
}

function shownLabel(label: string): string {
  const text = domainToUnicode(label);
  return scripts.some((script) => script.test(text)) ? text : label;
}
