import { InvalidArgumentError, Option } from "commander";

/** The type of an option's value: its name in help and messages, and its parser. */
interface ArgumentType {
  /** Completes "It takes …". */
  readonly takes: string;
  /** Nothing for a text that is not of this type. */
  read(text: string): unknown;
}

/** An option whose argument is of a type that is more than a text. */
export class TypedOption extends Option {
  readonly takes: string;

  constructor(flags: string, description: string, { takes, read }: ArgumentType) {
    super(flags, description);
    this.takes = takes;
    this.argParser((text: string) => {
      const value = read(text);
      if (value === undefined) throw new InvalidArgumentError(`It takes ${takes}.`);
      return value;
    });
  }
}

/** A whole number between two others, written with nothing but digits. */
export function wholeNumber(from: number, to: number): ArgumentType {
  return {
    takes: `a whole number from ${from} to ${to}`,
    read: (text) => within(/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN, from, to),
  };
}

/** A number between two others, in a unit if it has one. */
export function decimal(from: number, to: number, unit = "a number"): ArgumentType {
  return {
    takes: `${unit}, ${from} to ${to}`,
    read: (text) => within(text.trim() === "" ? Number.NaN : Number(text), from, to),
  };
}

/** A ratio between two others, or `off`, which is infinite. */
export function ratioOrOff(from: number, to: number): ArgumentType {
  const ratio = decimal(from, to, "a ratio");
  return {
    takes: `${ratio.takes}, or off`,
    read: (text) => (text === "off" ? Number.POSITIVE_INFINITY : ratio.read(text)),
  };
}

/** A text with something in it. */
export function filledText(takes: string): ArgumentType {
  return { takes, read: (text) => (text.trim() === "" ? undefined : text) };
}

/** Hours of the day between which something may be done. */
export const hours: ArgumentType = {
  takes: "hours such as 01:00-05:00",
  read: (text) => {
    const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
    return from && to ? { from, to } : undefined;
  },
};

function within(value: number, from: number, to: number): number | undefined {
  return value >= from && value <= to ? value : undefined;
}
