/**
 * A command-line client. `--device` is for a machine without a browser (RFC 8628); without it, the browser comes back to a
 * port of this machine (RFC 8252). Neither needs a secret, which no program on somebody's machine can keep.
 */
import { on, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as oidc from "openid-client";

const { ISSUER = "http://127.0.0.1:3000", CLIENT_ID = "" } = process.env;
const scope = "openid email notes offline_access";
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, undefined, oidc.None(), {
  execute: ISSUER.startsWith("http:") ? [oidc.allowInsecureRequests] : [],
});

async function signInByDevice() {
  const codes = await oidc.initiateDeviceAuthorization(config, { scope });
  console.log(`Open ${codes.verification_uri} and type ${codes.user_code}`);
  return oidc.pollDeviceAuthorizationGrant(config, codes);
}

async function signInByBrowser() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${origin}/callback`,
    scope,
    state,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  console.log(`Open ${url}`);
  try {
    const requests = on(server, "request") as AsyncIterable<[IncomingMessage, ServerResponse]>;
    for await (const [request, response] of requests) {
      const answer = new URL(request.url ?? "/", origin);
      if (answer.pathname !== "/callback") response.writeHead(404).end();
      else {
        response.end("You can close this window.");
        return await oidc.authorizationCodeGrant(config, answer, {
          pkceCodeVerifier: verifier,
          expectedState: state,
        });
      }
    }
    throw new Error("the browser did not come back");
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const tokens = process.argv.includes("--device") ? await signInByDevice() : await signInByBrowser();
const info = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? "");
console.log(`Signed in as ${info.email}`);
// A real program keeps the refresh token in the system's key chain.
await oidc.tokenRevocation(config, tokens.refresh_token ?? tokens.access_token);
console.log("Signed out");
