// `npm run registry`: the packages of this checkout, for npm install on this machine.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./packages.js";
import { serveRegistry } from "./registry.js";

const folder = await mkdtemp(join(tmpdir(), "org-registry-"));
try {
  process.stdout.write("building and packing the packages …\n");
  const registry = await serveRegistry(await packAll(folder));
  process.stdout.write(
    `In your project's folder, before npm install:\n\n  npm config set @org:registry=${registry.address} --location=project\n\nCtrl-C ends it.\n`,
  );
  await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  await registry.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
