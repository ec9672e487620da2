import type { CommandRunner } from "./server-facts.js";

const ALREADY_INITIALIZED = 23;

interface ReplicaSetConfig {
  readonly version: number;
  readonly members: readonly { readonly host: string }[];
}

/**
 * Takes a single-node replica set one step towards a writable primary. Call it until it says `true`: an election
 * takes the server some time.
 *
 * @param host `host:port` under which the server is to be known
 */
export async function advanceToPrimary(admin: CommandRunner, host: string): Promise<boolean> {
  const hello = await admin.command({ hello: 1 });
  if (hello.isWritablePrimary === true) return true;
  try {
    await admin.command({ replSetInitiate: { _id: "org-db", members: [{ _id: 0, host }] } });
  } catch (error) {
    if ((error as { code?: unknown }).code !== ALREADY_INITIALIZED) throw error;
    await adoptHost(admin, host);
  }
  return false;
}

// Data from an earlier run names the port of that run; a member that does not find itself in the configuration
// never becomes primary.
async function adoptHost(admin: CommandRunner, host: string): Promise<void> {
  const { config } = (await admin.command({ replSetGetConfig: 1 })) as { config?: ReplicaSetConfig };
  const [member] = config?.members ?? [];
  if (!config || !member || member.host === host) return;
  await admin.command({
    replSetReconfig: { ...config, version: config.version + 1, members: [{ ...member, host }] },
    force: true,
  });
}
