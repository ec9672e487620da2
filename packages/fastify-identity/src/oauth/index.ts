import type { FastifyInstance } from "fastify";
import { servePage } from "../pages/serve-page.js";
import type { Site } from "../pages/site.js";
import { tellAppsOfEnds } from "./back-channel.js";
import { devicePage } from "./device.js";
import { tokenCheckOf } from "./guard-tokens.js";
import { interactionPage } from "./interaction-page.js";
import { endSessionPage } from "./logout.js";
import { serveMetadata } from "./metadata.js";
import type { OAuthSettings } from "./options.js";
import { type Provider, providerOf } from "./provider.js";
import { serveEndpoints } from "./serve.js";

/** Adds the endpoints of the provider to an app. Its pages are added by {@link serveProviderPages}. */
export async function serveProvider(
  app: FastifyInstance,
  site: Site,
  settings: OAuthSettings,
): Promise<Provider> {
  const provider = providerOf(site, settings, { prefix: app.prefix + settings.prefix, log: app.log });
  tellAppsOfEnds(app, provider);
  site.service.accessTokens = tokenCheckOf(provider);
  serveMetadata(app, provider);
  await app.register(async (scope) => serveEndpoints(scope, provider), { prefix: settings.prefix });
  return provider;
}

/** Adds the pages where people answer apps and devices, to the scope of the pages. */
export function serveProviderPages(scope: FastifyInstance, provider: Provider): void {
  servePage(scope, provider.site, interactionPage(provider));
  servePage(scope, provider.site, devicePage(provider));
  servePage(scope, provider.site, endSessionPage(provider));
}
