// The name of this process for journals and leases: user, host and process id.
import { hostname, userInfo } from "node:os";

/** User and host of this process. */
export function processName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname(); // Users without an entry in the system's list exist in containers.
  }
}

/** This process among those that run now: host name and process id. */
export function instanceName(): string {
  return `${hostname()}:${process.pid}`;
}
