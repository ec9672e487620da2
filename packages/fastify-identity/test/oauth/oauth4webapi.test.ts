// A client that nobody here wrote: oauth4webapi, which checks every answer by the letter of its RFC.
import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { issuer, useIdentity } from "../support.js";
import { agree, fetchOf, makeClient, makeVisitor, redirectUri, target } from "./world.js";

const setting = useIdentity();

test("signs somebody in by each algorithm, with nonce and max_age, and reads the JWKS", async () => {
  const app = await setting.app({ oauth: { algorithms: ["ES256", "EdDSA"] } });
  const options = { [oauth.customFetch]: fetchOf(app) as never };
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  for (const idTokenAlgorithm of ["RS256", "ES256", "EdDSA"] as const) {
    const { clientId, clientSecret } = await makeClient(setting, {
      idTokenAlgorithm,
      accessTokenFormat: "jwt",
    });
    const client: oauth.Client = {
      client_id: clientId,
      id_token_signed_response_alg: idTokenAlgorithm,
    };
    const { email, visitor, userId } = await makeVisitor(setting, app);
    const [verifier, nonce, state] = [
      oauth.generateRandomCodeVerifier(),
      oauth.generateRandomNonce(),
      oauth.generateRandomState(),
    ];
    const url = new URL(server.authorization_endpoint ?? "");
    const parameters = {
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: "openid email",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      nonce,
      state,
      max_age: "3600",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const answer = await agree(visitor, email, url.pathname + url.search);
    const answered = oauth.validateAuthResponse(server, client, new URL(target(answer)), state);
    const authentication = oauth.ClientSecretBasic(clientSecret ?? "");
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      answered,
      redirectUri,
      verifier,
      options,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: nonce,
      maxAge: oauth.skipAuthTimeCheck,
      requireIdToken: true,
    });
    await oauth.validateApplicationLevelSignature(server, response, options);
    const info = await oauth.userInfoRequest(server, client, tokens.access_token, options);
    const sub = userId.toHexString();
    expect(await oauth.processUserInfoResponse(server, client, sub, info)).toMatchObject({ email });
    const request = new Request("https://api.example.com/", {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await oauth.validateJwtAccessToken(server, request, issuer, options)).toMatchObject({
      sub,
      aud: issuer,
    });
  }
});
