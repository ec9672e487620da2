// How the server is guarded: login, roles, transport, options.
import type { Connection, mongo } from "mongoose";
import { toOptimizerError } from "../../core/errors.js";
import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import type { GrantedRole, SecurityFacts, ServerSettings } from "./facts.js";
import type { Probed, Within } from "./within.js";

/** Asks how the server is guarded, each question for itself: what may not be asked is unknown, and nothing else. */
export async function probeSecurity(connection: Connection, within: Within): Promise<SecurityFacts> {
  const db = databaseOf(connection);
  const user = await within("connection status", () => probeUser(db));
  const settings = await within("server options", () => probeSettings(db));
  return {
    user,
    settings,
    authentication: await authenticationOf(user, settings, () =>
      within("authentication", () => answersStrangers(db)),
    ),
    transport: transportOf(connection.getClient().options),
  };
}

async function probeUser(db: mongo.Db): Promise<{ name: string | null; roles: GrantedRole[] }> {
  const { authInfo } = await db.admin().command({ connectionStatus: 1 });
  const users = (authInfo?.authenticatedUsers ?? []) as Document[];
  const roles = (authInfo?.authenticatedUserRoles ?? []) as Document[];
  return {
    name: users.length > 0 ? users.map(({ user, db: of }) => `${user}@${of}`).join(", ") : null,
    roles: roles.map(({ role, db: of }) => ({ role: String(role), db: String(of) })),
  };
}

async function probeSettings(db: mongo.Db): Promise<ServerSettings> {
  const { parsed = {} } = (await db.admin().command({ getCmdLineOpts: 1 })) as { parsed?: Document };
  const net = (parsed.net ?? {}) as Document;
  const security = (parsed.security ?? {}) as Document;
  const { mode } = (net.tls ?? net.ssl ?? {}) as Document;
  return {
    // Since MongoDB 3.6 a server that is told nothing listens on the loopback only.
    boundTo: net.bindIpAll === true ? ["0.0.0.0"] : String(net.bindIp ?? "localhost").split(","),
    // Up to 4.2 the modes were named after SSL, and still may be.
    tlsMode: typeof mode === "string" ? mode.replace(/SSL$/, "TLS") : "disabled",
    // A key file turns authorization on. With transitionToAuth, the server still accepts clients that do not log in.
    authorization:
      security.transitionToAuth !== true &&
      (security.authorization === "enabled" || "keyFile" in security || "clusterAuthMode" in security),
  };
}

// Only who is not logged in can tell whether strangers are let in; the server's options tell in any case.
async function authenticationOf(
  user: SecurityFacts["user"],
  settings: SecurityFacts["settings"],
  ask: () => Promise<Probed<boolean>>,
): Promise<Probed<boolean>> {
  if (!user.known) return user;
  if (user.value.name === null) {
    const open = await ask();
    return open.known ? { known: true, value: !open.value } : open;
  }
  return settings.known ? { known: true, value: settings.value.authorization } : settings;
}

async function answersStrangers(db: mongo.Db): Promise<boolean> {
  try {
    await db.admin().command({ listDatabases: 1, nameOnly: true, authorizedDatabases: false });
    return true;
  } catch (error) {
    const known = toOptimizerError(error);
    if (known.code === "NOT_AUTHORIZED") return false;
    throw known;
  }
}

/** Security of the connection by the driver's options. Pure. */
export function transportOf({ tls, rejectUnauthorized, hosts = [] }: Partial<mongo.MongoOptions>) {
  return {
    tls: tls === true,
    verified: tls === true && rejectUnauthorized !== false,
    loopback: hosts.length > 0 && hosts.every(({ host }) => isLoopback(String(host))),
  };
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host) || host.endsWith(".sock");
}
