import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

function outsideFiles(): string[] {
  return ["packages", "apps"].flatMap((group) =>
    readdirSync(join(root, group)).flatMap((name) => {
      const folder = join(root, group, name, "test/outside");
      const single = join(root, group, name, "test/outside.test.ts");
      const many = existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
      return [...many, ...(existsSync(single) ? [single] : [])].filter((path) => path.endsWith(".test.ts"));
    }),
  );
}

test("each file of cases from outside begins with where they come from", () => {
  const files = outsideFiles();
  expect(files.length).toBeGreaterThan(10);
  const nameless = files.filter((path) => !/^\/\/ .{40}/.test(readFileSync(path, "utf8")));
  expect(nameless).toEqual([]);
});
