import type { PageDefinition } from "../serve/define-page.js";
import type { DemoView } from "../views.js";

/** The first page of a demonstration. */
export function demoPage(demo: DemoView): PageDefinition<"demo"> {
  return { name: "demo", path: "/demo", access: "public", view: async () => demo, forms: [] };
}
