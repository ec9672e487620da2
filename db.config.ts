import { defineConfig } from "@org/db-cli";
import { defineModels, type NamedQuery, retentionRules, sampleQueries } from "@org/db-models";

/** Ties our models to `org-db`: the file that every project which uses it writes. */
export default defineConfig({
  models: defineModels,
  queries: async (models) => Object.values(await sampleQueries(models, new Date())) as NamedQuery[],
  cleanup: retentionRules,
});
