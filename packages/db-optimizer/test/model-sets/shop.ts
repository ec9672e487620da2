import { type Connection, Schema } from "mongoose";
import type { Document, ModelLike } from "../../src/core/model.js";
import type { NamedQuery } from "../../src/core/named-query.js";
import type { Migration } from "../../src/index.js";

const caseless = { locale: "en", strength: 2 };

const customerSchema = new Schema(
  { email: { type: String, required: true }, name: String, city: String, joinedAt: Date },
  { collection: "customers", collation: caseless },
);
customerSchema.index({ email: 1 }, { name: "email", unique: true });

const productSchema = new Schema(
  {
    sku: { type: String, required: true, unique: true },
    category: String,
    price: Number,
    stock: Number,
    attributes: { type: Map, of: String },
  },
  { collection: "products" },
);
productSchema.index({ category: 1, price: 1 });
productSchema.index({ "attributes.$**": 1 }, { name: "attributes" });

const orderSchema = new Schema(
  {
    number: { type: Number, required: true },
    customer: Number,
    status: { type: String, enum: ["cart", "paid", "shipped", "returned"] },
    placedAt: Date,
    total: Number,
    channel: String,
  },
  { collection: "orders" },
);
orderSchema.index({ number: 1 }, { name: "number", unique: true });
orderSchema.index({ customer: 1, placedAt: -1 }, { name: "of_customer" });

const cartSchema = new Schema({ customer: Number, touchedAt: Date }, { collection: "carts" });
cartSchema.index({ touchedAt: 1 }, { expireAfterSeconds: 3 * 86_400 });

const reviewSchema = new Schema(
  { product: Number, rating: Number, visible: Boolean, writtenAt: Date },
  { collection: "reviews" },
);
reviewSchema.index(
  { product: 1, writtenAt: -1 },
  { name: "visible_of_product", partialFilterExpression: { visible: true } },
);

/** The models of a shop. */
export function shopModels(connection: Connection): ModelLike[] {
  return [
    connection.model("Customer", customerSchema),
    connection.model("Product", productSchema),
    connection.model("Order", orderSchema),
    connection.model("Cart", cartSchema),
    connection.model("Review", reviewSchema),
  ];
}

const day = (number: number) => new Date(Date.UTC(2096, 0, 1 + number));

/** Queries of the shop. */
export const shopQueries: NamedQuery[] = [
  {
    name: "ordersOfCustomer",
    collection: "orders",
    filter: { customer: 7 },
    sort: { placedAt: -1 },
    limit: 10,
    index: "of_customer",
  },
  // The seeded faults: nothing declared serves these.
  {
    name: "paidByDay",
    collection: "orders",
    filter: { status: "returned", placedAt: { $gte: day(10), $lt: day(12) } },
  },
  {
    name: "returned",
    collection: "orders",
    filter: { status: "returned", channel: "phone" },
    sort: { total: -1 },
    limit: 5,
  },
  { name: "customersOfCity", collection: "customers", filter: { city: "city 3" } },
  { name: "either", collection: "orders", filter: { $or: [{ total: 1 }, { channel: "fax" }] } },
  { name: "tinyCarts", collection: "carts", filter: { customer: 3 } },
];

/**
 * Fills the database as it might look after some years: an index without its collation, an order number twice, a wrong
 * TTL, a hidden index, a missing one, one that is redundant, one that somebody made by hand, and the leftover of a
 * rebuild that was cut short.
 */
export async function seedShop(connection: Connection): Promise<void> {
  const collection = (name: string) => connection.collection(name);
  const many = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, at) => make(at));
  await collection("customers").insertMany(
    many(1_500, (n) => ({
      email: `c${n}@example.com`,
      name: `name ${n}`,
      city: `city ${n % 40}`,
      joinedAt: day(n % 300),
    })),
  );
  await collection("products").insertMany(
    many(600, (n) => ({
      sku: `sku${n}`,
      category: `k${n % 12}`,
      price: n % 97,
      stock: n % 5,
      attributes: { colour: `c${n % 9}` },
    })),
  );
  await collection("orders").insertMany(
    many(4_000, (n) => ({
      // Two orders with the number 17: the fault of an import.
      number: n === 18 ? 17 : n,
      customer: n % 400,
      status: ["cart", "paid", "shipped", "returned"][n % 4],
      placedAt: day(n % 365),
      total: (n * 37) % 1_000,
      channel: ["web", "phone", "store"][n % 3],
    })),
  );
  await collection("carts").insertMany(many(50, (n) => ({ customer: n, touchedAt: day(n) })));
  await collection("reviews").insertMany(
    many(700, (n) => ({ product: n % 90, rating: n % 5, visible: n % 3 > 0, writtenAt: day(n % 200) })),
  );
  await seedIndexes(connection);
}

async function seedIndexes(connection: Connection): Promise<void> {
  const collection = (name: string) => connection.collection(name);
  await collection("customers").createIndex({ email: 1 }, { name: "email", unique: true });
  await collection("products").createIndex({ sku: 1 }, { unique: true, hidden: true });
  await collection("products").createIndex({ category: 1, price: 1 });
  await collection("products").createIndex({ stock: 1 }, { name: "by_hand" });
  await collection("orders").createIndex({ number: 1 }, { name: "number" });
  await collection("orders").createIndex({ customer: 1 }, { name: "old_customer" });
  await collection("carts").createIndex({ touchedAt: 1 }, { expireAfterSeconds: 30 * 86_400 });
  await collection("reviews").createIndex(
    { product: 1, writtenAt: -1 },
    { name: "visible_of_product", partialFilterExpression: { visible: { $eq: true } } },
  );
  await collection("reviews").createIndex(
    { product: -1, writtenAt: 1 },
    { name: "visible_of_product__rebuild_twin", partialFilterExpression: { visible: true } },
  );
}

/** The shop's old baskets, which hold their items, to be baskets and items of their own. */
export const basketsMigration: Migration = {
  name: "baskets",
  source: "old_baskets",
  targets: ["baskets", "basket_items"],
  phaseLeaseMs: 10,
  retentionMs: 0,
  contract: { unset: ["items"] },
  expand: ({ _id, customer, changedAt, items = [] }) => [
    {
      collection: "baskets",
      document: { _id, customer, changedAt },
      supersedes: { changedAt: { $lt: changedAt } },
    },
    ...(items as Document[]).map((item) => ({
      collection: "basket_items",
      document: { ...item, basket: _id, addedAt: changedAt },
      supersedes: { addedAt: { $lt: changedAt } },
    })),
  ],
  belongTo: (collection, ids) =>
    collection === "baskets" ? { _id: { $in: ids } } : { basket: { $in: ids } },
  ownerOf: (collection, document) => (collection === "baskets" ? document._id : document.basket),
  canonical: (_collection, document) => document,
  collapse: (targets) =>
    (targets.get("baskets") ?? []).map(({ _id, ...basket }) => {
      const items = (targets.get("basket_items") ?? []).map(
        ({ basket: _basket, addedAt: _addedAt, ...item }) => item,
      );
      return { filter: { _id }, update: { $set: { ...basket, items } }, upsert: true };
    }),
};

/** Baskets of the old layout. The fault: one has the same product twice, which the new layout does not allow. */
export async function seedBaskets(connection: Connection, count: number): Promise<void> {
  const baskets = Array.from({ length: count }, (_, n) => ({
    _id: n as never,
    customer: n % 40,
    changedAt: day(n),
    items: [0, 1].map((item) => ({ _id: n * 2 + item, product: n === 7 ? 1 : item, quantity: 1 + (n % 3) })),
  }));
  await connection.collection("old_baskets").insertMany(baskets);
  await connection
    .collection("basket_items")
    .createIndex({ basket: 1, product: 1 }, { name: "product_once", unique: true });
}
