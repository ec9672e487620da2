import type { FastifyInstance } from "fastify";

/** Does something now and then until the app closes, which waits for it; one at a time, however long it takes. */
export function every(app: FastifyInstance, intervalMs: number, act: () => Promise<void>): void {
  let acting: Promise<void> | undefined;
  const timer = setInterval(() => {
    acting ??= act().finally(() => {
      acting = undefined;
    });
  }, intervalMs);
  app.addHook("onClose", async () => {
    clearInterval(timer);
    await acting;
  });
}
