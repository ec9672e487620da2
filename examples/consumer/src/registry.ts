// The packed packages on this machine, as a registry: for who tries them before a release, and for the tests of installs.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { run, type Tarballs } from "./packages.js";

/** A registry that listens on the loopback address. */
export interface Registry {
  /** What package managers take for `@org:registry`. */
  readonly address: string;
  close(): Promise<void>;
}

/** A package as the registry describes it, and the file that it hands out. */
interface Offer {
  readonly manifest: Readonly<Record<string, unknown>> & { readonly name: string; readonly version: string };
  readonly content: Buffer;
  readonly file: string;
}

/**
 * Serves tarballs as npm, pnpm, yarn and bun ask for them.
 * https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
 */
export async function serveRegistry(tarballs: Tarballs): Promise<Registry> {
  const offers = new Map(
    await Promise.all(
      Object.entries(tarballs).map(async ([name, path]) => [name, await offerOf(path)] as const),
    ),
  );
  const files = new Map([...offers.values()].map(({ file, content }) => [`/-/${file}`, content]));
  let address = "";
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://registry").pathname);
    const content = files.get(path);
    if (content) return response.end(content);
    const offer = offers.get(path.slice(1));
    return offer ? answer(response, 200, metadataOf(offer, address)) : answer(response, 404, {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    address,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function offerOf(path: string): Promise<Offer> {
  const read = await run("tar", ["-xzOf", path, "package/package.json"], { cwd: "." });
  return { manifest: JSON.parse(read.stdout), content: await readFile(path), file: basename(path) };
}

function metadataOf({ manifest, content, file }: Offer, address: string): object {
  const { name, version } = manifest;
  const digest = (algorithm: string, encoding: "hex" | "base64") =>
    createHash(algorithm).update(content).digest(encoding);
  const dist = {
    tarball: `${address}-/${file}`,
    shasum: digest("sha1", "hex"),
    integrity: `sha512-${digest("sha512", "base64")}`,
  };
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
    time: { [version]: "2020-01-01T00:00:00.000Z" },
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
