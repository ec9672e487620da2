/** A part that is repeated has at most so many characters: a longer one is a password by itself. */
const longestPart = 7;

/** Whether a folded password is one short part over and over (`abcabcabc…`), or a row of neighbours (`abcdefg…`). */
export function isRepetitive(folded: string): boolean {
  const characters = [...folded];
  for (let part = 1; part <= longestPart; part += 1) {
    if (characters.every((character, index) => index < part || character === characters[index - part])) {
      return true;
    }
  }
  return isRow(characters, 1) || isRow(characters, -1);
}

/** Each character follows the one before it, 0 after 9 and a after z too. */
function isRow(characters: readonly string[], step: 1 | -1): boolean {
  return characters.every((character, index) => {
    const before = characters[index - 1];
    return before === undefined || follows(before, character, step);
  });
}

function follows(one: string, next: string, step: 1 | -1): boolean {
  const [first, second] = step === 1 ? [one, next] : [next, one];
  if (first === "9" || first === "z") return second === (first === "9" ? "0" : "a");
  return (second.codePointAt(0) ?? 0) - (first.codePointAt(0) ?? 0) === 1;
}
