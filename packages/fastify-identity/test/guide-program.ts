import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleChild } from "@org/dev-kit/children";

const folderOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The first program of a guide. */
export async function guideOf(name: string): Promise<{ text: string; program: string }> {
  const text = await readFile(folderOf(`../../../docs/guides/${name}.md`), "utf8");
  return { text, program: /^```ts\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? "" };
}

/** Runs a program in a process of its own, as TypeScript; gives what it printed, line by line. */
export async function runGuide(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; lines: string[] }> {
  await mkdir(folderOf("../reports/"), { recursive: true });
  const folder = await mkdtemp(join(folderOf("../reports/"), "guide-"));
  try {
    const source = join(folder, "app.ts");
    await writeFile(source, program);
    const child = spawn(process.execPath, [await bundleChild(pathToFileURL(source))], {
      cwd: folderOf("../../../"),
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, "close");
    return { code, lines: output.trim().split("\n") };
  } finally {
    await rm(folder, { recursive: true });
  }
}
