import { isIdentityError } from "@org/db-models";
import type { FastifyInstance } from "fastify";
import { OptionsError } from "../flows/options.js";
import { withTimeLimit } from "../flows/time-limit.js";
import { named } from "../http/named.js";
import { servePage } from "../pages/serve/serve-page.js";
import type { Site } from "../pages/site.js";
import { tellAppsOfEnds } from "./back-channel.js";
import { devicePage } from "./endpoints/device.js";
import { interactionPage } from "./endpoints/interaction-page.js";
import { endSessionPage } from "./endpoints/logout.js";
import { serveMetadata } from "./endpoints/metadata.js";
import { serveEndpoints } from "./endpoints/serve.js";
import type { OAuthSettings } from "./options.js";
import { type Provider, providerOf } from "./provider.js";
import { tokenCheckOf } from "./tokens/guard-tokens.js";

/** Adds the endpoints of the provider to an app. Its pages are added by {@link serveProviderPages}. */
export async function serveProvider(
  app: FastifyInstance,
  site: Site,
  settings: OAuthSettings,
): Promise<Provider> {
  const provider = providerOf(site, settings, { prefix: app.prefix + settings.prefix, log: app.log });
  tellAppsOfEnds(app, provider);
  checkKeys(app, provider);
  site.service.accessTokens = tokenCheckOf(provider);
  await serveMetadata(app, provider);
  await app.register(
    named("OAuth endpoints", async (scope: FastifyInstance) => serveEndpoints(scope, provider)),
    { prefix: settings.prefix },
  );
  return provider;
}

/** Less than Fastify gives a hook: a database that does not answer must not keep the app from starting. */
const longestCheckMs = 5_000;

/** Without a key to seal them with there are no signing keys: the app does not start. */
function checkKeys(app: FastifyInstance, { keys }: Provider): void {
  app.addHook("onReady", async () => {
    const late = `the database did not answer within ${longestCheckMs} ms`;
    try {
      await withTimeLimit(longestCheckMs, late, () => keys.publicKeys());
    } catch (err) {
      if (isIdentityError(err, "SEAL_KEY_MISSING")) {
        throw new OptionsError("oauth: takes sealKeys of the identity object, the former ones too");
      }
      app.log.warn({ err }, "Cannot read the signing keys.");
    }
  });
}

/** Adds the pages where people answer apps and devices, to the scope of the pages. */
export function serveProviderPages(scope: FastifyInstance, provider: Provider): void {
  servePage(scope, provider.site, interactionPage(provider));
  servePage(scope, provider.site, devicePage(provider));
  servePage(scope, provider.site, endSessionPage(provider));
}
