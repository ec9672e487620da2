export type {
  IdentityProvider,
  ProviderAttempt,
  ProviderDetails,
  ProviderProfile,
} from "../flows/sign-in/providers.js";
export { ProviderError } from "../flows/sign-in/providers.js";
export { type GitHubOptions, gitHubProvider } from "./git-hub.js";
export { type OpenIdProviderOptions, openIdProvider, type ProviderOptions } from "./open-id.js";
export {
  appleProvider,
  type GoogleOptions,
  googleProvider,
  type MicrosoftOptions,
  microsoftProvider,
} from "./presets.js";
