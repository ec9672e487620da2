import { subscribe } from "node:diagnostics_channel";
import type { FastifyInstance } from "fastify";
import { OptionsError } from "../../flows/options.js";

/** A route that says who may use it, and is not in a scope of a plugin that would see to it. */
interface OpenRoute {
  readonly name: string;
  readonly scope: object;
}

/** What one Fastify app has of this plugin, in all its scopes. */
class AppScopes {
  readonly #guarded = new Set<object>();
  readonly #open: OpenRoute[] = [];

  /** Hooks of a scope hold for the scopes within that are made later. */
  guard(scope: object): void {
    this.#guarded.add(scope);
  }

  add(name: string, scope: object): void {
    for (let around: object | null = scope; around; around = Object.getPrototypeOf(around))
      if (this.#guarded.has(around)) return;
    this.#open.push({ name, scope });
  }

  /** @throws OptionsError */
  check(): void {
    // Those of the plugin's own scope count from whenever they were added.
    const open = this.#open.filter(({ scope }) => !this.#guarded.has(scope));
    if (this.#guarded.size === 0 || open.length === 0) return;
    throw new OptionsError(
      `config.identity of ${open.map(({ name }) => name).join(", ")} guards nothing: the route lies outside the scope of ` +
        "identityPlugin, or in one that was made before. Register the plugin first, in a scope around the route.",
    );
  }
}

const key = Symbol("org.identity.scopes");

type Watched = FastifyInstance & { readonly [key]?: AppScopes };

// A plugin sees no routes outside its scope, nor those that were added before it: so each app is watched from its beginning.
subscribe("fastify.initialization", (message) => {
  const { fastify: app } = message as { readonly fastify: FastifyInstance };
  const scopes = new AppScopes();
  app.decorate(key, scopes);
  app.addHook("onRoute", function ({ config, method, url }) {
    // A public route needs no guard.
    if (config?.identity !== undefined && config.identity !== "public") scopes.add(`${method} ${url}`, this);
  });
  app.addHook("onReady", (done) => {
    scopes.check();
    done();
  });
});

/** Notes that routes of this scope are guarded; of an app that was made before this module was loaded nothing is known. */
export function noteGuardedScope(app: FastifyInstance): void {
  const { [key]: scopes }: Watched = app;
  scopes?.guard(app);
}
