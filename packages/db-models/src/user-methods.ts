import type { HydratedDocument } from "mongoose";
import type { Engagement } from "./analytics/engagement.js";
import {
  getUserAnalytics,
  type UserAnalyticsOptions,
  type UserAnalyticsReport,
  updateAnalytics,
} from "./analytics/user-analytics.js";
import type { ApiKeyInput } from "./api-keys/input.js";
import { createApiKey } from "./api-keys/manage.js";
import type { CreatedApiKey } from "./api-keys/types.js";
import type { IdentityModels } from "./schemas/models.js";
import type { UserDocument } from "./schemas/user.js";
import type { ApiUse } from "./usage/recorder.js";
import { trackApiUsage } from "./usage/track.js";

/** Methods of a user document; each calls the function of the same name. */
export interface UserMethods {
  /** Creates an API key of the user; the answer shows it once. */
  createApiKey(input: ApiKeyInput, now: Date): Promise<CreatedApiKey>;
  /** Counts one request; it is written within five seconds, with others. */
  trackApiUsage(use: Omit<ApiUse, "userId">, now: Date): void;
  /** Stores the engagement score of this moment, and returns it with its parts. */
  updateAnalytics(now: Date): Promise<Engagement>;
  /** Engagement, logins, devices, countries and use, in two reads. */
  getUserAnalytics(now: Date, options?: UserAnalyticsOptions): Promise<UserAnalyticsReport>;
}

type HydratedUser = HydratedDocument<UserDocument>;

/** The methods, bound to the models of one connection. */
export function userMethods(models: IdentityModels): UserMethods {
  return {
    createApiKey(this: HydratedUser, input: ApiKeyInput, now: Date) {
      return createApiKey(models, { ...input, userId: this._id }, now);
    },
    trackApiUsage(this: HydratedUser, use: Omit<ApiUse, "userId">, now: Date) {
      trackApiUsage(models, { ...use, userId: this._id }, now);
    },
    updateAnalytics(this: HydratedUser, now: Date) {
      return updateAnalytics(models, { userId: this._id }, now);
    },
    getUserAnalytics(this: HydratedUser, now: Date, options: UserAnalyticsOptions = {}) {
      return getUserAnalytics(models, { ...options, userId: this._id }, now);
    },
  } as UserMethods;
}
