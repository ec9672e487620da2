/**
 * An app in a process of its own. The first line on its input is JSON: its credentials, its codes, and how often to use
 * each at the same time. Prints `code number`, and the refresh and the access token that each use gave, or why it was
 * refused. With `rotate` it then goes on refreshing each of them without end. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { openDatabase, type TokenResult } from "../../src/index.js";
import { authenticateClient } from "../../src/oauth/clients.js";
import { exchangeAuthorizationCode } from "../../src/oauth/exchange.js";
import { refreshAppToken } from "../../src/oauth/refresh.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

/** The parent's instructions. */
export interface Assignment {
  clientId: string;
  clientSecret: string | undefined;
  redirectUri: string;
  codeVerifier: string;
  codes?: string[];
  refreshTokens?: string[];
  times: number;
  rotate: boolean;
}

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const {
  codes = [],
  refreshTokens = [],
  times,
  rotate,
  ...assignment
} = JSON.parse(String(line)) as Assignment;
const answer = await authenticateClient(contextAt(models, now), assignment);
if (!answer.ok) throw new Error("not authenticated");
const { client } = answer;

function say(index: number, result: TokenResult): string | undefined {
  // At once: what a buffer holds when the process is killed would be an answer that nobody heard.
  const said = result.ok ? `${result.refreshToken} ${result.accessToken}` : `refused ${result.reason}`;
  writeSync(1, `${index} ${said}\n`);
  return result.ok ? result.refreshToken : undefined;
}

async function go(index: number, first: () => Promise<TokenResult>): Promise<void> {
  let refreshToken = say(index, await first());
  while (rotate && refreshToken) {
    refreshToken = say(index, await refreshAppToken(contextAt(models, now), { client, refreshToken }));
  }
}

const { redirectUri, codeVerifier } = assignment;
const uses = [
  ...codes.map((code) => () => {
    return exchangeAuthorizationCode(contextAt(models, now), { client, code, redirectUri, codeVerifier });
  }),
  ...refreshTokens.map(
    (refreshToken) => () => refreshAppToken(contextAt(models, now), { client, refreshToken }),
  ),
];
await Promise.all(uses.flatMap((use, index) => Array.from({ length: times }, () => go(index, use))));
await close();
process.exit(0);
