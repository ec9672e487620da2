/** A value of an MMDB file; numbers with a fraction are doubles, others are 32 bits without a sign. */
export type MmdbValue = string | number | MmdbValue[] | { [key: string]: MmdbValue };

/**
 * Writes an MMDB file of IPv4 networks (the format of MaxMind DB 2.0, records of 24 bits), so that tests need nobody's
 * database.
 *
 * @param networks - in CIDR notation, none within another.
 */
export function mmdbOf(type: string, networks: Readonly<Record<string, MmdbValue>>): Buffer {
  const nodes: [left: number | null, right: number | null][] = [[null, null]];
  const leaves: { node: number; side: 0 | 1; offset: number }[] = [];
  const data: Buffer[] = [];
  let length = 0;
  for (const [network, value] of Object.entries(networks)) {
    leaves.push({ ...descend(nodes, network), offset: length });
    const encoded = encode(value);
    data.push(encoded);
    length += encoded.length;
  }
  const records = nodes.map((pair) => pair.map((record) => record ?? nodes.length));
  for (const { node, side, offset } of leaves) (records[node] as number[])[side] = nodes.length + 16 + offset;
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, record] of records.flat().entries()) tree.writeUIntBE(record, index * 3, 3);
  const marker = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
  return Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata(type, nodes.length)]);
}

function descend(nodes: [number | null, number | null][], network: string): { node: number; side: 0 | 1 } {
  const [address = "", prefix = "32"] = network.split("/");
  const bits = address
    .split(".")
    .flatMap((octet) => [...Number(octet).toString(2).padStart(8, "0")].map(Number))
    .slice(0, Number(prefix)) as (0 | 1)[];
  let node = 0;
  for (const bit of bits.slice(0, -1)) {
    const pair = nodes[node] as [number | null, number | null];
    pair[bit] ??= nodes.push([null, null]) - 1;
    node = pair[bit] as number;
  }
  return { node, side: bits.at(-1) as 0 | 1 };
}

function metadata(type: string, nodeCount: number): Buffer {
  const entries: [string, Buffer][] = [
    ["binary_format_major_version", unsigned(5, 2)],
    ["binary_format_minor_version", unsigned(5, 0)],
    ["build_epoch", Buffer.from([0x04, 0x02, 0x65, 0x00, 0x00, 0x00])],
    ["database_type", encode(type)],
    ["description", encode({ en: "of a test" })],
    ["ip_version", unsigned(5, 4)],
    ["languages", encode(["en"])],
    ["node_count", unsigned(6, nodeCount)],
    ["record_size", unsigned(5, 24)],
  ];
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([key, value]) => [encode(key), value]),
  ]);
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === "string")
    return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "number") return Number.isInteger(value) ? unsigned(6, value) : double(value);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([value.length, 4]), ...value.map(encode)]);
  const entries = Object.entries(value).flatMap(([key, item]) => [encode(key), encode(item)]);
  return Buffer.concat([control(7, Object.keys(value).length), ...entries]);
}

function control(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}

function unsigned(type: 5 | 6, value: number): Buffer {
  const bytes = Buffer.alloc(type === 5 ? 2 : 4);
  bytes.writeUIntBE(value, 0, bytes.length);
  return Buffer.concat([control(type, bytes.length), bytes]);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([control(3, 8), bytes]);
}
