import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { FreemanLogin } from "@org/risk-engine/freeman";
import { Random } from "./random.js";
import { type Attacker, attackers, type Frequency, frequencyFor, type Visit, type World } from "./world.js";

/** Columns of the public RBA data set that are read. */
const columns = {
  time: "Login Timestamp",
  user: "User ID",
  ip: "IP Address",
  country: "Country",
  region: "Region",
  city: "City",
  asn: "ASN",
  userAgent: "User Agent String",
  browser: "Browser Name and Version",
  os: "OS Name and Version",
  deviceType: "Device Type",
  successful: "Login Successful",
  attackIp: "Is Attack IP",
  takeover: "Is Account Takeover",
} as const;

type Row = Readonly<Record<keyof typeof columns, string>>;

/** Rows that were read, by what they are good for. */
interface Rows {
  readonly legitimate: Row[];
  readonly takeovers: Row[];
  readonly attackAddresses: Row[];
}

/**
 * Reads the public RBA data set (Wiefling et al., ACM TOPS 2022; CC BY 4.0) from a file. Successful sign-ins that are
 * neither takeovers nor from a listed address are legitimate; takeovers are the very targeted attacks; the other
 * attackers are put together from rows as the published evaluation describes them. Its hours are random and its places
 * made up, so neither is used.
 *
 * @param mostRows - rows to read; all of them need tens of gigabytes of memory.
 */
export async function readDataset(file: string, mostRows: number, seed: number): Promise<World> {
  const rows = await readRows(file, mostRows);
  rows.legitimate.sort(byTime);
  const users = new Map<string, { id: number; times: number[] }>();
  const visits: Visit[] = [];
  for (const row of rows.legitimate) {
    const user = users.get(row.user) ?? { id: users.size, times: [] };
    users.set(row.user, user);
    user.times.push(timeOf(row));
    visits.push(toVisit(row, user.id));
  }
  visits.push(...takeoversOf(rows, users), ...inventedAttacks(rows, users, new Random(seed)));
  const frequencyOf = new Map<number, Frequency>();
  for (const { id, times } of users.values()) {
    frequencyOf.set(id, frequencyFor(times.length, (times.at(-1) ?? 0) - (times[0] ?? 0)));
  }
  return { visits: visits.sort((a, b) => a.attempt.at - b.attempt.at), frequencyOf };
}

async function readRows(file: string, mostRows: number): Promise<Rows> {
  const rows: Rows = { legitimate: [], takeovers: [], attackAddresses: [] };
  let places: number[] | undefined;
  let count = 0;
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    const fields = splitLine(line);
    if (!places) {
      places = Object.values(columns).map((name) => fields.indexOf(name));
      if (places.includes(-1)) throw new Error(`${file} has not the columns of the RBA data set`);
      continue;
    }
    if (count++ >= mostRows) break;
    const names = Object.keys(columns) as (keyof typeof columns)[];
    sortIn(
      rows,
      Object.fromEntries(names.map((name, index) => [name, fields[places?.[index] ?? -1] ?? ""])) as Row,
    );
  }
  return rows;
}

function sortIn(rows: Rows, row: Row): void {
  if (Number.isNaN(timeOf(row))) return;
  if (isTrue(row.attackIp)) rows.attackAddresses.push(row);
  if (!isTrue(row.successful)) return;
  if (isTrue(row.takeover)) rows.takeovers.push(row);
  else if (!isTrue(row.attackIp)) rows.legitimate.push(row);
}

/** The fields of a line of CSV; quotes hold commas, and a doubled quote is one. */
export function splitLine(line: string): string[] {
  const fields: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    fields.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
  }
  return fields;
}

function takeoversOf(
  rows: Rows,
  users: ReadonlyMap<string, { id: number; times: readonly number[] }>,
): Visit[] {
  return rows.takeovers.flatMap((row) => {
    const user = users.get(row.user);
    const known = user && timeOf(row) > (user.times[0] ?? Number.POSITIVE_INFINITY);
    return known ? [{ ...toVisit(row, user.id), attacker: "very targeted" as const }] : [];
  });
}

function inventedAttacks(
  rows: Rows,
  users: ReadonlyMap<string, { id: number; times: readonly number[] }>,
  random: Random,
): Visit[] {
  if (rows.legitimate.length === 0) return [];
  const end = timeOf(rows.legitimate.at(-1) as Row);
  const byPlace = groupsOf(rows.legitimate);
  const names = [...users.keys()];
  const homes = new Map(rows.legitimate.map((row) => [row.user, row]));
  const visits: Visit[] = [];
  for (const attacker of attackers.filter((name) => name !== "very targeted")) {
    for (let count = 0; count < Math.min(3_000, users.size); count++) {
      const name = random.pick(names);
      const victim = homes.get(name) as Row;
      const { id, times } = users.get(name) as { id: number; times: readonly number[] };
      const first = times[0] ?? 0;
      const at = first + 1 + random.next() * Math.max(0, end - first);
      visits.push({ ...toVisit(invent(attacker, victim, rows, byPlace, random), id, at), attacker });
    }
  }
  return visits;
}

type Groups = ReadonlyMap<string, readonly Row[]>;

function groupsOf(rows: readonly Row[]): Groups {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    for (const key of [
      row.country,
      `${row.country}/${row.region}/${row.asn}`,
      `${row.country}/${row.deviceType}`,
    ]) {
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push(row);
    }
  }
  return groups;
}

function invent(attacker: Attacker, victim: Row, rows: Rows, groups: Groups, random: Random): Row {
  const from = (key: string) => random.pick(groups.get(key) ?? rows.legitimate);
  const addresses = rows.attackAddresses.length > 0 ? rows.attackAddresses : rows.legitimate;
  const { country, region, asn, deviceType } = victim;
  const targeted = attacker === "targeted";
  const place =
    attacker === "naive" ? random.pick(addresses) : from(targeted ? `${country}/${region}/${asn}` : country);
  const agent = targeted ? from(`${country}/${deviceType}`) : random.pick(rows.legitimate);
  const { userAgent, browser, os } = agent;
  return { ...place, userAgent, browser, os, deviceType: agent.deviceType };
}

function toVisit(row: Row, user: number, at = timeOf(row)): Visit {
  const { ip, asn, country, userAgent, browser, os, deviceType, city } = row;
  const shown = { ip, asn, country, userAgent, browser, os, deviceType };
  const reference: FreemanLogin = { userId: user, ...shown };
  return { user, attempt: { at, ...shown }, context: {}, reference, city };
}

function timeOf({ time }: Row): number {
  return Date.parse(`${time.replace(" ", "T")}Z`);
}

function byTime(a: Row, b: Row): number {
  return timeOf(a) - timeOf(b);
}

function isTrue(text: string): boolean {
  return text.toLowerCase() === "true";
}
