import { shellText } from "../../indexes/command.js";
import type { GrantedRole, SecurityFacts } from "../facts/facts.js";
import type { HealthFinding, Severity } from "./finding.js";

/** Roles with which a stolen password costs more than this database; the last two can grant themselves any other. */
const broad = new Set([
  "__system",
  "root",
  "atlasAdmin",
  "clusterAdmin",
  "restore",
  "hostManager",
  "readWriteAnyDatabase",
  "dbAdminAnyDatabase",
  "userAdminAnyDatabase",
  "userAdmin",
  "dbOwner",
]);

/** What the facts say of how the server is guarded. Pure. */
export function securityFindings(facts: SecurityFacts, database: string): HealthFinding[] {
  return [
    ...authenticationFindings(facts, database),
    ...transportFindings(facts),
    ...(facts.user.known ? facts.user.value.roles.flatMap((role) => roleFinding(role, facts.user)) : []),
  ];
}

function finding(
  code: string,
  severity: Severity,
  message: string,
  evidence: string,
  command?: string,
): HealthFinding {
  return { code, part: "security", severity, message, evidence, ...(command && { command }) };
}

function authenticationFindings(facts: SecurityFacts, database: string): HealthFinding[] {
  const { authentication, settings, transport } = facts;
  const open = authentication.known && !authentication.value;
  const all =
    settings.known && settings.value.boundTo.some((address) => /^(0\.0\.0\.0|::|\*)$/.test(address.trim()));
  const roles = [{ role: "readWrite", db: database }];
  const create = `db.createUser({ user: "app", pwd: passwordPrompt(), roles: ${shellText(roles)} })`;
  return [
    ...(open
      ? [
          finding(
            "AUTHENTICATION_OFF",
            transport.loopback && !all ? "warning" : "critical",
            "The server lets anybody in; turn security.authorization on once there is a user",
            "it answers, or is set to answer, who has not logged in",
            create,
          ),
        ]
      : []),
    ...(all
      ? [
          finding(
            "BOUND_TO_ALL",
            open ? "critical" : "info",
            "The server listens on every network; name the addresses in net.bindIp",
            `net.bindIp is ${settings.value.boundTo.join(",")}`,
          ),
        ]
      : []),
  ];
}

function transportFindings({ transport, settings }: SecurityFacts): HealthFinding[] {
  const { tls, verified, loopback } = transport;
  const mode = settings.known ? settings.value.tlsMode : "unknown";
  return [
    ...(!tls && !loopback
      ? [
          finding(
            "TLS_OFF",
            "warning",
            "Data and passwords travel in the clear; add tls=true to the connection string",
            "this connection uses no TLS",
          ),
        ]
      : []),
    ...(tls && !verified
      ? [
          finding(
            "TLS_UNVERIFIED",
            "warning",
            "The server's certificate is not checked; drop tlsAllowInvalidCertificates",
            "this connection takes any certificate",
          ),
        ]
      : []),
    ...(mode === "allowTLS" || mode === "preferTLS"
      ? [
          finding(
            "TLS_OPTIONAL",
            "info",
            mode === "allowTLS"
              ? "The server also takes connections without TLS; go on by preferTLS to requireTLS"
              : "The server also takes connections without TLS",
            `net.tls.mode is ${mode}`,
            // The server takes one step at a time: https://www.mongodb.com/docs/manual/tutorial/upgrade-cluster-to-ssl/
            `db.adminCommand({ setParameter: 1, tlsMode: "${mode === "allowTLS" ? "preferTLS" : "requireTLS"}" })`,
          ),
        ]
      : []),
  ];
}

function roleFinding({ role, db }: GrantedRole, user: SecurityFacts["user"]): HealthFinding[] {
  if (!broad.has(role)) return [];
  const name = (user.known && user.value.name) || "the user";
  const [account = name, of = "admin"] = name.split(/@(?=[^@]*$)/);
  const command = `db.getSiblingDB(${JSON.stringify(of)}).revokeRolesFromUser(${JSON.stringify(account)}, ${shellText([{ role, db }])})`;
  return [
    finding(
      "ROLE_BROAD",
      role === "__system" || role === "root" ? "critical" : "warning",
      `The role ${role} gives more than this database needs`,
      `${name} has ${role} on ${db}`,
      command,
    ),
  ];
}
