import { openIdentity } from "@org/db-models";
import { identityPlugin } from "@org/fastify-identity";
import { fastify } from "fastify";

const identity = await openIdentity(process.env.MONGODB_URI ?? "mongodb://127.0.0.1:27017/app");
const app = fastify();
app.addHook("onClose", () => identity.close());
await app.register(identityPlugin, { identity, issuer: "http://localhost:3000" });

app.get("/me", { config: { identity: "session" } }, (request) => ({ user: app.identity.userOf(request) }));
app.get("/orders", { config: { identity: { scope: "orders:read" } } }, (request) => ({
  ordersOf: app.identity.userOf(request),
}));
console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
