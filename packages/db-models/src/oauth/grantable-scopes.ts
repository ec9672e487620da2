import { isIdentityError } from "../core/errors.js";
import { grantsScope, parseAskedScopes } from "../core/scopes.js";
import type { AppDocument } from "../schemas/app.js";

/**
 * The scopes that can be granted of those that an app asks a user for; none for a parameter that is malformed. Scopes that the app
 * is not registered for are ignored (OpenID Connect Core section 3.1.2.1), and so is `offline_access` of an app that gets no
 * refresh tokens (section 11).
 */
export function grantableScopes(app: Pick<AppDocument, "scopes" | "grantTypes">, scope: unknown): string[] {
  const mayStay = app.grantTypes.includes("refresh_token");
  return read(scope).filter((one) => grantsScope(app.scopes, one) && (one !== "offline_access" || mayStay));
}

function read(scope: unknown): string[] {
  try {
    return typeof scope === "string" ? parseAskedScopes(scope) : [];
  } catch (error) {
    if (isIdentityError(error, "INVALID_SCOPE")) return [];
    throw error;
  }
}
