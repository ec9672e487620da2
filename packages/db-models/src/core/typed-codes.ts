/** A code as a program compares it, of what a person typed. */
const separators = /[\s\p{Dash}\p{Cf}]/gu;
const digit = /\p{Nd}/gu;

/**
 * Brings a code to one form: without separators, and with ASCII letters and digits for those of full width and of other
 * scripts, as keyboards in Arabic, Persian, Hindi or Japanese type them.
 */
export function typedCode(text: string): string {
  return text.normalize("NFKC").replace(separators, "").replace(digit, asciiDigit);
}

const isDigit = (codePoint: number): boolean => /^\p{Nd}$/u.test(String.fromCodePoint(codePoint));

/** Unicode has the digits of a script in a row, from zero to nine (Unicode Standard section 4.6). */
function asciiDigit(char: string): string {
  const at = char.codePointAt(0) ?? 0;
  let first = at;
  while (isDigit(first - 1)) first -= 1;
  return String((at - first) % 10);
}
