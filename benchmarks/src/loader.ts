/**
 * Loads identity data and prints the highest resident memory of this process, in MB. Arguments: URI, users, sessions.
 */
import { loadIdentityData } from "@org/dev-kit/identity-data";
import { createConnection } from "mongoose";

const [uri = "", users, sessions] = process.argv.slice(2);
const connection = await createConnection(uri, { autoIndex: false }).asPromise();
if (!connection.db) throw new Error("the connection has no database");
await loadIdentityData(connection.db, { users: Number(users), sessions: Number(sessions), seed: 1 });
await connection.close();
process.stdout.write(String(process.resourceUsage().maxRSS / 1_024));
