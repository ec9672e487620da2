import { readFile, stat } from "node:fs/promises";
import { canonicalAddress, canonicalRange } from "@org/db-models/core";
import type { NetworkKnowledge } from "@org/fastify-identity";
import { type NetworkFlag, type NetworkFlagKind, presets } from "@org/risk-engine";
import { ConfigError } from "@org/service-kit";
import type { FastifyBaseLogger } from "fastify";
import { type Config, variableOf } from "./config.js";

/** A list as it was last read. */
interface LoadedList {
  readonly kind: NetworkFlagKind;
  readonly path: string;
  readonly ranges: RangeSet;
  /** When the file was last changed, ms since 1970: the age of what it says. */
  readonly asOf: number;
  readonly size: number;
}

/**
 * Looks addresses up in lists. Each list is a text file: an address or a CIDR range a line; text after a comma, a space or a
 * `#` is ignored. A file that has changed is read again; while it can't be read, its last content stays in use, and ages.
 */
export class NetworkLists implements NetworkKnowledge {
  readonly #log: FastifyBaseLogger;
  #lists: readonly LoadedList[];
  #stale: ReadonlySet<string> = new Set();

  private constructor(lists: readonly LoadedList[], log: FastifyBaseLogger) {
    this.#lists = lists;
    this.#log = log;
  }

  /** @throws ConfigError for a list that can't be read. */
  static async open(
    { networkLists }: Pick<Config, "networkLists">,
    log: FastifyBaseLogger,
  ): Promise<NetworkLists> {
    try {
      return new NetworkLists(await Promise.all(networkLists.map(readList)), log);
    } catch (cause) {
      const problem = cause instanceof ListError ? cause.message : "a file can't be read";
      throw new ConfigError(`${variableOf("networkLists")}: ${problem}`, { cause });
    }
  }

  /** The lists that hold an address, with their age; the risk engine leaves out the stale ones. */
  flagsOf(address: string): NetworkFlag[] {
    const canonical = canonicalAddress(address);
    if (canonical === undefined) return [];
    return this.#lists
      .filter(({ ranges }) => ranges.has(canonical))
      .map(({ kind, asOf }) => ({ kind, asOf }));
  }

  /** Whether a list that is not stale says that the address hides who uses it, or is an attacker's. */
  isSuspect(address: string | undefined, now: Date): boolean {
    if (address === undefined) return false;
    return this.flagsOf(address).some(
      ({ kind, asOf }) => suspectKinds.has(kind) && asOf >= now.getTime() - maxAgeMs,
    );
  }

  /** Reads the files that have changed; never throws. */
  async refresh(now: Date): Promise<void> {
    this.#lists = await Promise.all(this.#lists.map((list) => this.#refreshed(list)));
    const oldest = now.getTime() - maxAgeMs;
    const stale = new Set(this.#lists.filter(({ asOf }) => asOf < oldest).map(({ path }) => path));
    for (const path of stale) {
      if (!this.#stale.has(path)) this.#log.warn({ path }, "a network list is too old to count for anything");
    }
    this.#stale = stale;
  }

  async #refreshed(list: LoadedList): Promise<LoadedList> {
    try {
      const { mtimeMs, size } = await stat(list.path);
      if (mtimeMs === list.asOf && size === list.size) return list;
      const read = await readList(list);
      this.#log.info({ path: list.path, ranges: read.ranges.size }, "a network list was reloaded");
      return read;
    } catch (err) {
      this.#log.error({ err, path: list.path }, "a network list could not be reloaded");
      return list;
    }
  }
}

/** A relay, a satellite and a shared way out take the place away, and are no reason for doubt. */
const suspectKinds: ReadonlySet<NetworkFlagKind> = new Set(["tor", "vpn", "proxy", "hosting", "listed"]);
/** No preset differs in it. */
const maxAgeMs = presets.balanced.flags.maxAgeDays * 86_400_000;

class ListError extends Error {}

async function readList({ kind, path }: Pick<LoadedList, "kind" | "path">): Promise<LoadedList> {
  // Before the text: what is written in between makes the file look changed once more, never unchanged.
  const { mtimeMs, size } = await stat(path);
  const ranges = new RangeSet();
  const lines = (await readFile(path, "utf8")).split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const [entry] = line.trim().split(/[\s,#]/, 1);
    if (entry && !ranges.add(entry))
      throw new ListError(`line ${index + 1} of the list ${kind} is no address or range`);
  }
  return { kind, path, ranges, asOf: mtimeMs, size };
}

/** Ranges, found in as many steps as they have different lengths, however many there are. */
class RangeSet {
  readonly #ranges = new Set<string>();
  readonly #lengths = { v4: new Set<string>(), v6: new Set<string>() };

  get size(): number {
    return this.#ranges.size;
  }

  /** @returns false for what is no range. */
  add(text: string): boolean {
    const range = canonicalRange(text);
    if (range === undefined) return false;
    this.#ranges.add(range);
    this.#lengthsFor(range).add(range.slice(range.indexOf("/")));
    return true;
  }

  /** @param address - in canonical form. */
  has(address: string): boolean {
    for (const length of this.#lengthsFor(address)) {
      const range = canonicalRange(address + length);
      if (range !== undefined && this.#ranges.has(range)) return true;
    }
    return false;
  }

  #lengthsFor(text: string): Set<string> {
    return text.includes(":") ? this.#lengths.v6 : this.#lengths.v4;
  }
}
