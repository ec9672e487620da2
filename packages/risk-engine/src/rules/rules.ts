import type { Rule } from "../facts.js";
import { activityRule } from "./activity.js";
import { addressRule } from "./address.js";
import { agentRule } from "./agent.js";
import { automationRule } from "./automation.js";
import { concurrentRule } from "./concurrent.js";
import { deviceRule } from "./device.js";
import { dormancyRule } from "./dormancy.js";
import { failuresRule } from "./failures.js";
import { feedbackRule } from "./feedback.js";
import { flagsRule } from "./flags.js";
import { leakedPasswordRule } from "./leaked-password.js";
import { requestsRule } from "./requests.js";
import { rhythmRule } from "./rhythm.js";
import { travelRule } from "./travel.js";

/** Evidence that compares with what is known of the user. */
export const historyRules: readonly Rule[] = [
  activityRule,
  addressRule,
  agentRule,
  deviceRule,
  travelRule,
  rhythmRule,
  dormancyRule,
];

/** Evidence that needs no history. */
export const presentRules: readonly Rule[] = [
  failuresRule,
  flagsRule,
  automationRule,
  concurrentRule,
  requestsRule,
  leakedPasswordRule,
  feedbackRule,
];
