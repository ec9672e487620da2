export type {
  CredentialKind,
  IdentityAccess,
  IdentityRequirement,
  IdentityRequirementMembers,
} from "./access.js";
export type { AdminOptions } from "./admin/options.js";
export type { AppIdentity } from "./app-identity.js";
export type { AuditTrail, NetworkKnowledge, SecondFactorRule } from "./flows/context.js";
export type { CookieOptions } from "./flows/cookies.js";
export type { HookAnswer, IdentityHooks } from "./flows/hooks.js";
export type { Notice, Notifier } from "./flows/notices/notice.js";
export { OptionsError } from "./flows/options.js";
export type { Problem, ProblemCode } from "./flows/problems.js";
export { IdentityProblem, problemCodes } from "./flows/problems.js";
export type { Located } from "./flows/requester.js";
export type { RequestIdentity } from "./http/guards/guard.js";
export type { OAuthOptions } from "./oauth/options.js";
export type {
  IdentityPluginOptions,
  Locate,
  ProblemAnswer,
  RateLimitOptions,
  RouteGroup,
} from "./options.js";
export type { FormState, PageFrame } from "./pages/look/frame.js";
export type { Catalogue, Messages, Text, TextValues } from "./pages/look/language.js";
export type { PageColours, PageTheme } from "./pages/look/theme.js";
export type { MailRenderer, MailView } from "./pages/mail-view.js";
export type { MessageId } from "./pages/messages/english.js";
export type { PageOptions, PageRenderer } from "./pages/options.js";
export type {
  ActivityView,
  ApiKeyView,
  ChallengeMethod,
  DemoView,
  PageName,
  PageViews,
  PasskeyView,
  SessionView,
} from "./pages/views.js";
export { identityPlugin } from "./plugin.js";
