// Rules of how the server is guarded.
import { applyRules, type Finding, type Found, type Rule } from "../../core/finding.js";
import { shellText } from "../../indexes/command.js";
import type { SecurityFacts } from "../facts/facts.js";
import { known } from "./rule.js";

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

const securityRules: readonly Rule<SecurityFacts, string>[] = [
  {
    code: "AUTHENTICATION_OFF",
    part: "security",
    severity: "critical",
    find(facts, database) {
      if (!isOpen(facts)) return undefined;
      const roles = shellText([{ role: "readWrite", db: database }]);
      return {
        subject: "*",
        severity: facts.transport.loopback && !bindsAll(facts) ? "warning" : "critical",
        message: "Authentication is disabled; turn security.authorization on once there is a user",
        evidence: "the server answers, or is set to answer, who has not logged in",
        command: `db.createUser({ user: "app", pwd: passwordPrompt(), roles: ${roles} })`,
      };
    },
  },
  {
    code: "BOUND_TO_ALL",
    part: "security",
    severity: "info",
    find: (facts) =>
      bindsAll(facts) && {
        subject: "*",
        severity: isOpen(facts) ? "critical" : "info",
        message: "The server listens on every network; name the addresses in net.bindIp",
        evidence: `net.bindIp is ${known(facts.settings)?.boundTo.join(",")}`,
      },
  },
  {
    code: "TLS_OFF",
    part: "security",
    severity: "warning",
    find: ({ transport: { tls, loopback } }) =>
      !tls &&
      !loopback && {
        subject: "*",
        message: "Data and passwords travel in the clear; add tls=true to the connection string",
        evidence: "this connection uses no TLS",
      },
  },
  {
    code: "TLS_UNVERIFIED",
    part: "security",
    severity: "warning",
    find: ({ transport: { tls, verified } }) =>
      tls &&
      !verified && {
        subject: "*",
        message: "The server's certificate is not checked; drop tlsAllowInvalidCertificates",
        evidence: "this connection takes any certificate",
      },
  },
  {
    code: "TLS_OPTIONAL",
    part: "security",
    severity: "info",
    find({ settings }) {
      const mode = known(settings)?.tlsMode;
      if (mode !== "allowTLS" && mode !== "preferTLS") return undefined;
      const first = mode === "allowTLS" ? "; then change preferTLS to requireTLS" : "";
      const next = mode === "allowTLS" ? "preferTLS" : "requireTLS";
      return {
        subject: "*",
        message: `The server also takes connections without TLS${first}`,
        evidence: `net.tls.mode is ${mode}`,
        // The server takes one step at a time: https://www.mongodb.com/docs/manual/tutorial/upgrade-cluster-to-ssl/
        command: `db.adminCommand({ setParameter: 1, tlsMode: "${next}" })`,
      };
    },
  },
  {
    code: "ROLE_BROAD",
    part: "security",
    severity: "warning",
    *find({ user }): Iterable<Found> {
      const { name, roles = [] } = known(user) ?? {};
      const [account = "", of = "admin"] = (name ?? "the user").split(/@(?=[^@]*$)/);
      for (const { role, db } of roles.filter((granted) => broad.has(granted.role)))
        yield {
          subject: name ?? "the user",
          severity: role === "__system" || role === "root" ? "critical" : "warning",
          message: `The role ${role} gives more than this database needs`,
          evidence: `${name ?? "the user"} has ${role} on ${db}`,
          command: `db.getSiblingDB(${JSON.stringify(of)}).revokeRolesFromUser(${JSON.stringify(account)}, ${shellText([{ role, db }])})`,
        };
    },
  },
];

/** Findings about the security of the server. Pure. */
export function securityFindings(facts: SecurityFacts, database: string): Finding[] {
  return applyRules(securityRules, facts, database);
}

function isOpen({ authentication }: SecurityFacts): boolean {
  return known(authentication) === false;
}

function bindsAll({ settings }: SecurityFacts): boolean {
  return (known(settings)?.boundTo ?? []).some((address) => /^(0\.0\.0\.0|::|\*)$/.test(address.trim()));
}
