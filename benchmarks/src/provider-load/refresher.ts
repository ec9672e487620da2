import * as oauth from "oauth4webapi";
import { authorizeAt, expectThat, makeClient, type Person, redirectUri, type World } from "./world.js";

/**
 * Refreshes without end, by a client that checks each answer by the letter of its RFC. A retry of the token before gets the
 * same; each access token verifies by the published keys.
 */
export async function refresher(world: World, person: Person): Promise<() => Promise<void>> {
  const made = await makeClient(world, person.userId, {
    accessTokenFormat: "jwt",
    grantTypes: ["authorization_code", "refresh_token"],
  });
  const issuer = new URL(world.issuer);
  const options = { [oauth.customFetch]: world.balancer.fetch as never, [oauth.allowInsecureRequests]: true };
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  const client: oauth.Client = { client_id: made.clientId };
  const secret = oauth.ClientSecretBasic(made.clientSecret);
  const first = await exchange();
  let refreshToken = first.refresh_token ?? "";

  async function exchange(): Promise<oauth.TokenEndpointResponse> {
    const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
    const url = new URL(server.authorization_endpoint ?? "");
    const parameters = {
      client_id: made.clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: "openid offline_access",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const answer = oauth.validateAuthResponse(server, client, await authorizeAt(world, person, url), state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      secret,
      answer,
      redirectUri,
      verifier,
      options,
    );
    return oauth.processAuthorizationCodeResponse(server, client, response, { requireIdToken: true });
  }

  async function refresh(token: string): Promise<oauth.TokenEndpointResponse> {
    const response = await oauth.refreshTokenGrantRequest(server, client, secret, token, options);
    return oauth.processRefreshTokenResponse(server, client, response);
  }

  return async () => {
    const next = await refresh(refreshToken);
    const retried = await refresh(refreshToken);
    // One that came too soon after others is answered with itself: then its retry may be the one that rotates.
    const isReplaced = next.refresh_token !== refreshToken;
    const isSame = retried.refresh_token === next.refresh_token;
    expectThat("a retry of a refresh", isSame || !isReplaced, { isReplaced, isSame });
    refreshToken = retried.refresh_token ?? "";
    const request = new Request("https://api.example.com/", {
      headers: { authorization: `Bearer ${next.access_token}` },
    });
    const claims = await oauth.validateJwtAccessToken(server, request, world.issuer, options);
    expectThat("the subject of an access token", claims.sub === person.userId.toHexString(), claims);
  };
}
