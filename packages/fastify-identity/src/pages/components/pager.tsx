import type { PageFrame } from "../look/frame.js";

interface PagerProps {
  frame: PageFrame;
  /** Where the next page begins; absent on the last one. */
  next: string | undefined;
  isFirst: boolean;
  /** Address of the page that begins there, or of the first one. */
  linkTo: (page: { before?: string }) => string;
}

/** Links of a list to its older entries, and back to the newest. */
export function Pager({ frame, next, isFirst, linkTo }: PagerProps) {
  if (!next && isFirst) return null;
  return (
    <div class="actions">
      {!isFirst && <a href={linkTo({})}>{frame.say("activity.newest")}</a>}
      {next && <a href={linkTo({ before: next })}>{frame.say("activity.older")}</a>}
    </div>
  );
}
