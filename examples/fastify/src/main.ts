import { openIdentity } from "@org/db-models";
import { identityPlugin } from "@org/fastify-identity";
import { fastify } from "fastify";

const port = Number(process.env.PORT ?? 3000);
const issuer = `http://localhost:${port}`;
const identity = await openIdentity(process.env.MONGODB_URI ?? "mongodb://127.0.0.1:27017/app");
const app = fastify();
app.addHook("onClose", () => identity.close());
await app.register(identityPlugin, { identity, issuer });

app.get("/me", { config: { identity: "session" } }, (request) => ({ user: app.identity.userOf(request) }));
app.get("/orders", { config: { identity: { scope: "orders:read" } } }, (request) => ({
  ordersOf: app.identity.userOf(request),
}));
await app.listen({ port });
console.log(issuer);
