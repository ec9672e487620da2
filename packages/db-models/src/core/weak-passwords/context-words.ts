/** Signs that people write in the place of letters. */
const letters: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "8": "b",
  "9": "g",
  "+": "t",
  "@": "a",
  $: "s",
  "!": "i",
};

/** Shorter words are in too many passwords by chance. */
const shortestWord = 3;

/** A password needs so many characters besides the words, as many as the shortest that ASVS 6.2.1 takes. */
const needed = 8;

/** Letters and digits alone, and what stands for a letter as that letter. */
function skeleton(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[01345789+@$!]/g, (sign) => letters[sign] ?? sign)
    .replace(/[^\p{L}\p{M}\p{N}]/gu, "");
}

/**
 * Whether a password is little more than words that its owner, or who knows the service, would try first.
 *
 * @param phrases - names, addresses and domains; each counts as a whole and by its words.
 *
 * Source: NIST SP 800-63B-4 section 3.1.1.2; OWASP ASVS 5.0, 6.2.11.
 */
export function isMadeOfContext(password: string, phrases: readonly string[]): boolean {
  const words = wordsOf(phrases);
  const whole = skeleton(password);
  const rest = words.reduce((text, word) => text.replaceAll(word, " "), whole);
  if (rest === whole) return false;
  return [...rest.replaceAll(" ", "")].length < needed;
}

/** The longest first: of a name inside another one nothing is left over. */
function wordsOf(phrases: readonly string[]): string[] {
  const parts = phrases.flatMap((phrase) => [phrase, ...phrase.split(/[^\p{L}\p{M}\p{N}]+/u)]);
  const words = new Set(parts.map(skeleton).filter((word) => [...word].length >= shortestWord));
  return [...words].sort((one, other) => other.length - one.length);
}
