/**
 * A header without the parts that an update of the browser, the app or the system changes. Removed are: text after a
 * slash (versions, builds such as `Mobile/21G93`, the kind of network), text that begins with a digit, a version at the
 * end of a word (`musical_ly_34.2.0`), and the `K` that stands for every model.
 */
export function skeletonOf(header: string): string {
  const words: string[] = [];
  let afterSlash = false;
  for (const [part] of header.matchAll(parts)) {
    if (separators.test(part)) {
      afterSlash = part.endsWith("/");
    } else {
      if (!afterSlash && startsWithLetter.test(part) && part !== "K") words.push(part.replace(version, ""));
      afterSlash = false;
    }
  }
  return words.join(" ");
}

const parts = /[\s;:,()[\]{}=/+]+|[^\s;:,()[\]{}=/+]+/g;
const separators = /^[\s;:,()[\]{}=/+]/;
const startsWithLetter = /^[^\d.]/;
const version = /_\d[\d._]*$/;
