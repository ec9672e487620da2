import type { HydratedDocument } from "mongoose";
import type { Engagement } from "./analytics/engagement.js";
import type { UserAnalyticsOptions, UserAnalyticsReport } from "./analytics/user-analytics.js";
import type { ApiKeyInput } from "./api-keys/input.js";
import type { ApiKeys } from "./api-keys/namespace.js";
import type { CreatedApiKey } from "./api-keys/types.js";
import type { UserDocument } from "./schemas/user.js";
import type { Usage } from "./usage/namespace.js";
import type { ApiUse } from "./usage/recorder.js";
import type { Users } from "./users/namespace.js";

/** Methods of a user document of an identity object; each calls the operation of that object. */
export interface UserMethods {
  /** Creates an API key of the user; the answer shows it once. */
  createApiKey(input: ApiKeyInput): Promise<CreatedApiKey>;
  /** Counts one request; it is written within five seconds, with others. */
  trackApiUsage(use: Omit<ApiUse, "userId">): void;
  /** Stores the engagement score of this moment, and returns it with its parts. */
  updateAnalytics(): Promise<Engagement>;
  /** Engagement, logins, devices, countries and use, in two reads. */
  getUserAnalytics(options?: UserAnalyticsOptions): Promise<UserAnalyticsReport>;
}

/** The operations that the methods call. */
export interface UserOperations {
  readonly users: Pick<Users, "analytics" | "updateAnalytics">;
  readonly apiKeys: Pick<ApiKeys, "create">;
  readonly usage: Usage;
}

type User = HydratedDocument<UserDocument>;

/** The methods, bound to the operations of one identity object. */
export function userMethods({ users, apiKeys, usage }: UserOperations): UserMethods & ThisType<User> {
  return {
    createApiKey(input) {
      return apiKeys.create({ ...input, userId: this._id });
    },
    trackApiUsage(use) {
      usage.track({ ...use, userId: this._id });
    },
    updateAnalytics() {
      return users.updateAnalytics({ userId: this._id });
    },
    getUserAnalytics(options = {}) {
      return users.analytics({ ...options, userId: this._id });
    },
  };
}
