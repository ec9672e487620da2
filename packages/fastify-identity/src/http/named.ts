// Names of plugins, as Fastify shows them.

const displayName = Symbol.for("fastify.display-name");

/**
 * Gives a plugin its name. For one without a name Fastify looks through all CommonJS modules that are loaded, of which the
 * driver and Mongoose have hundreds: over our plugins that took a tenth of an app's start.
 */
export function named<Plugin extends object>(name: string, plugin: Plugin): Plugin {
  return Object.assign(plugin, { [displayName]: name });
}
