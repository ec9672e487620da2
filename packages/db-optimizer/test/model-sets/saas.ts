import { type Connection, Schema } from "mongoose";
import type { ModelLike } from "../../src/core/model.js";
import type { NamedQuery } from "../../src/core/named-query.js";
import type { CleanupRule } from "../../src/index.js";

const tenantSchema = new Schema(
  { slug: { type: String, unique: true }, plan: String },
  { collection: "tenants" },
);

const principalSchema = new Schema(
  { tenant: { type: Number, required: true }, email: String, lastSeenAt: Date },
  { collection: "principals", discriminatorKey: "kind" },
);
principalSchema.index({ tenant: 1, email: 1 }, { name: "email_in_tenant", unique: true, sparse: true });
const memberSchema = new Schema({ role: String, invitedBy: Number });
memberSchema.index({ tenant: 1, role: 1 }, { name: "members_by_role" });
const serviceSchema = new Schema({ keyHash: { type: String, unique: true } });

const taskSchema = new Schema(
  {
    tenant: { type: Number, required: true },
    project: Number,
    assignee: Number,
    state: String,
    dueAt: Date,
    title: String,
    archived: Boolean,
  },
  { collection: "tasks" },
);
taskSchema.index({ tenant: 1, project: 1, dueAt: 1 }, { name: "board" });
taskSchema.index({ tenant: 1, assignee: 1 }, { name: "mine", partialFilterExpression: { archived: false } });

const activitySchema = new Schema(
  { tenant: Number, at: Date, verb: String, actor: Number },
  { collection: "activity" },
);
activitySchema.index({ at: 1 }, { name: "expiry", expireAfterSeconds: 90 * 86_400 });
activitySchema.index({ tenant: 1, at: -1 }, { name: "feed" });
// A second model on the same collection, as a reporting module of the product has it.
const auditViewSchema = new Schema({ tenant: Number, at: Date, actor: Number }, { collection: "activity" });
auditViewSchema.index({ actor: 1, at: -1 }, { name: "by_actor" });
auditViewSchema.index({ tenant: 1, at: -1 }, { name: "feed" });

const webhookSchema = new Schema(
  { tenant: Number, url: String, nextAt: Date, settled: Boolean },
  { collection: "webhooks" },
);
webhookSchema.index({ nextAt: 1 }, { name: "due", sparse: true });

/** The models of a product for many tenants. */
export function saasModels(connection: Connection): ModelLike[] {
  const principals = connection.model("Principal", principalSchema);
  principals.discriminator("Member", memberSchema);
  principals.discriminator("Service", serviceSchema);
  return [
    connection.model("Tenant", tenantSchema),
    principals,
    connection.model("Task", taskSchema),
    connection.model("Activity", activitySchema),
    connection.model("AuditView", auditViewSchema),
    connection.model("Webhook", webhookSchema),
  ];
}

const day = (number: number) => new Date(Date.UTC(2096, 0, 1 + number));

/** Queries of the product. */
export const saasQueries: NamedQuery[] = [
  {
    name: "board",
    collection: "tasks",
    filter: { tenant: 3, project: 2 },
    sort: { dueAt: 1 },
    limit: 20,
    index: "board",
  },
  { name: "feed", collection: "activity", filter: { tenant: 3 }, sort: { at: -1 }, limit: 20, index: "feed" },
  // The seeded faults.
  {
    name: "overdue",
    collection: "tasks",
    filter: { tenant: 3, state: "open", dueAt: { $lt: day(20) } },
    sort: { dueAt: 1 },
    limit: 20,
  },
  { name: "openOfTenant", collection: "tasks", filter: { state: "open", tenant: 3 } },
  {
    name: "byTitle",
    collection: "tasks",
    filter: { title: "TASK 100" },
    collation: { locale: "en", strength: 2 },
  },
];

/** Retention rules of the product. */
export const saasRules: CleanupRule[] = [
  {
    name: "settled-webhooks",
    collection: "webhooks",
    field: "nextAt",
    retentionSeconds: 0,
    where: { settled: true },
  },
  {
    name: "old-activity",
    collection: "activity",
    field: "at",
    retentionSeconds: 30 * 86_400,
    action: { archiveToCollection: "activity_archive" },
  },
  {
    name: "members-who-left",
    collection: "principals",
    field: "lastSeenAt",
    retentionSeconds: 365 * 86_400,
    where: { kind: "Member" },
    action: { anonymise: { set: { role: "gone" }, unset: ["invitedBy"] } },
  },
];

/**
 * Fills the database with its faults: an index of a discriminator that lacks its filter, an index that lost `sparse`,
 * one that is half way to unique, a TTL on the wrong side, one missing of the second model, a partial filter that is
 * another, an index that the board's index covers, and a hidden one.
 */
export async function seedSaas(connection: Connection): Promise<void> {
  const collection = (name: string) => connection.collection(name);
  const many = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, at) => make(at));
  await collection("tenants").insertMany(many(30, (n) => ({ slug: `t${n}`, plan: n % 2 ? "free" : "paid" })));
  await collection("principals").insertMany(
    many(600, (n) => ({
      kind: n % 5 ? "Member" : "Service",
      tenant: n % 30,
      email: `p${n}@example.com`,
      ...(n % 5 ? { role: n % 3 ? "user" : "admin" } : { keyHash: `hash ${n}` }),
    })),
  );
  await collection("tasks").insertMany(
    many(6_000, (n) => ({
      tenant: n % 30,
      project: n % 7,
      assignee: n % 200,
      state: ["open", "done", "done", "done", "done", "blocked", "done", "done"][Math.floor(n / 30) % 8],
      dueAt: day(n % 90),
      title: `task ${n}`,
      archived: n % 10 === 0,
    })),
  );
  await collection("activity").insertMany(
    many(3_000, (n) => ({ tenant: n % 30, at: day(n % 60), verb: "did", actor: n % 600 })),
  );
  await collection("webhooks").insertMany(
    many(200, (n) => ({ tenant: n % 30, url: `u${n}`, ...(n % 4 === 0 && { nextAt: day(n) }) })),
  );
  await seedIndexes(connection);
}

async function seedIndexes(connection: Connection): Promise<void> {
  const collection = (name: string) => connection.collection(name);
  await collection("tenants").createIndex({ slug: 1 });
  await connection.db?.command({ collMod: "tenants", index: { name: "slug_1", prepareUnique: true } });
  await collection("principals").createIndex(
    { tenant: 1, email: 1 },
    { name: "email_in_tenant", unique: true },
  );
  await collection("principals").createIndex({ tenant: 1, role: 1 }, { name: "members_by_role" });
  await collection("tasks").createIndex({ tenant: 1, project: 1, dueAt: 1 }, { name: "board", hidden: true });
  await collection("tasks").createIndex({ tenant: 1, project: 1 }, { name: "old_board" });
  await collection("tasks").createIndex(
    { tenant: 1, assignee: 1 },
    { name: "mine", partialFilterExpression: { archived: true } },
  );
  await collection("activity").createIndex({ at: 1 }, { name: "expiry" });
  await collection("activity").createIndex({ tenant: 1, at: -1 }, { name: "feed" });
  await collection("webhooks").createIndex({ nextAt: 1 }, { name: "due" });
}
