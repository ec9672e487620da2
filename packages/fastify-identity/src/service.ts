import type { FlowContext } from "./flows/context.js";
import type { IdentityCookies } from "./flows/cookies.js";
import type { Flows } from "./flows/flows.js";
import type { AnswerLimits } from "./http/answer-limits.js";
import type { AccessTokenCheck } from "./http/guards/access-tokens.js";
import type { IdentityPluginSettings } from "./options.js";

/** Context of the plugin's hooks and routes. */
export interface Service extends FlowContext {
  readonly flows: Flows;
  readonly cookies: IdentityCookies;
  readonly settings: IdentityPluginSettings;
  /** What goes on behind answers, within its bounds. */
  readonly answers: AnswerLimits;
  /** How access tokens of guarded routes are checked; the provider, where there is one, sets its own. */
  accessTokens: AccessTokenCheck;
}

/** Options of every module of routes. */
export interface ServiceOptions {
  service: Service;
}
