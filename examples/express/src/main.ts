import { openIdentity } from "@org/db-models";
import { identityHandlers } from "@org/fastify-identity/handlers";
import express from "express";

const port = Number(process.env.PORT ?? 3000);
const issuer = `http://localhost:${port}`;
const identity = await openIdentity(process.env.MONGODB_URI ?? "mongodb://127.0.0.1:27017/app");
const { connect } = await identityHandlers({ identity, issuer });
const app = express();
app.use(connect.routes, express.json());

app.get("/me", connect.guard("session"), (req, res) => {
  res.json({ user: connect.identityOf(req).userId });
});
app.get("/orders", connect.guard({ scope: "orders:read" }), (req, res) => {
  res.json({ ordersOf: connect.identityOf(req).userId });
});
app.post("/orders", connect.guard({ scope: "orders:write" }), (req, res) => {
  res.status(201).json({ ordered: req.body, by: connect.identityOf(req).userId });
});

app.listen(port, () => console.log(issuer));
