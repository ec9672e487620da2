import { FastifyOtelInstrumentation } from "@fastify/otel";
import { fastifyPlugin } from "fastify-plugin";

/**
 * A span for each request, and one for each of its hooks; without an SDK in the process they go nowhere. The path is recorded
 * without its query, in which links of mails have their tokens.
 */
export const tracing = fastifyPlugin(
  async (app) => {
    const instrumentation = new FastifyOtelInstrumentation({
      requestHook: (span, { url }) => span.setAttribute("url.path", url.split("?", 1)[0] ?? ""),
    });
    await app.register(instrumentation.plugin());
  },
  { name: "tracing" },
);
