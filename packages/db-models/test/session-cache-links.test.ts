import { setTimeout } from "node:timers/promises";
import { withDatabase } from "@org/dev-kit";
import { type Play, playInFront } from "@org/dev-kit/played";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, describe, expect, inject, it } from "vitest";
import {
  createIdentity,
  defineModels,
  type Identity,
  isIdentityError,
  type OpenIdentityOptions,
  openIdentity,
} from "../src/index.js";
import { metricsOf, openCached, until, untilRemembered, untilTrusted } from "./cached-identity.js";
import { createIndexes, makeUser } from "./database.js";

const temporary = useTemporaryDatabase({ label: "session-cache-links" });
beforeAll(() => createIndexes(defineModels(temporary.connection)));

async function signIn(identity: Identity) {
  const { _id: userId } = await makeUser(identity.models);
  const { id: sessionId, token } = await identity.sessions.open({ userId });
  return { userId, sessionId, token };
}

/** An instance behind a server that is played. */
async function behind<T>(
  play: Play,
  act: (identity: Identity) => Promise<T>,
  options?: OpenIdentityOptions,
): Promise<T> {
  const front = await playInFront(inject("engine").uri, play);
  const identity = await openCached(withDatabase(front.uri, temporary.name), options);
  try {
    return await act(identity);
  } finally {
    await identity.close();
    await front.stop();
  }
}

const isStreamOpening = (command: Record<string, unknown>) =>
  JSON.stringify(command.pipeline ?? "").includes("$changeStream");
const failure = (code: number, codeName: string) => ({ ok: 0, code, codeName, errmsg: codeName });

describe("where there is no stream", () => {
  const servers: Record<string, Play> = {
    standalone: {
      hello: {
        change: ({ setName: _, hosts: _hosts, ...reply }) => reply,
      },
    },
    sharded: { hello: { change: (reply) => ({ ...reply, msg: "isdbgrid" }) } },
    not_permitted: {
      aggregate: {
        answer: (command) => (isStreamOpening(command) ? failure(13, "Unauthorized") : undefined),
      },
    },
  };

  it.each(Object.keys(servers))("%s: entries rest on their own read", async (server) => {
    await behind(servers[server]!, async (identity) => {
      await until(() => metricsOf(identity).state === server);
      const { token, userId, sessionId } = await signIn(identity);
      await untilRemembered(identity, token);
      expect(metricsOf(identity).trusted).toBe(false);
      await identity.sessions.revoke({ userId, sessionId });
      expect(await identity.sessions.validate(token)).toMatchObject({ ok: false });
    });
  });

  it("the proof `echo` lets nothing answer from memory", async () => {
    const options = { sessionCache: { proof: "echo" } } as const;
    await behind(
      servers.standalone!,
      async (identity) => {
        await until(() => metricsOf(identity).state === "standalone");
        const { token } = await signIn(identity);
        for (let check = 0; check < 3; check++)
          expect(await identity.sessions.validate(token)).toMatchObject({ ok: true });
        expect(metricsOf(identity).hits).toBe(0);
      },
      options,
    );
  });

  it("heartbeats that may not be written end the stream", async () => {
    const refusing: Play = {
      update: {
        answer: (command) =>
          String(command.update) === "cache_heartbeats" ? failure(13, "Unauthorized") : undefined,
      },
    };
    await behind(refusing, async (identity) => {
      await until(() => metricsOf(identity).state === "not_permitted");
      await untilRemembered(identity, (await signIn(identity)).token);
    });
  });
});

it("heartbeats that come back from another server than sessions are read from prove nothing", async () => {
  const errors: unknown[] = [];
  let written = 0;
  // As of another server: what is written there is not here.
  const elsewhere: Play = {
    update: {
      answer: (command) => {
        if (String(command.update) !== "cache_heartbeats") return undefined;
        written += 1;
        return { ok: 1, n: 1, nModified: 1 };
      },
    },
  };
  const front = await playInFront(inject("engine").uri, elsewhere);
  const identity = createIdentity({
    connection: temporary.connection,
    sessionCache: { uri: withDatabase(front.uri, temporary.name) },
    onError: (error) => errors.push(error),
  });
  try {
    await until(() => written > 1);
    expect(metricsOf(identity)).toMatchObject({ state: "lost", trusted: false, echoes: 0 });
    // Reported once, and entries rest on their own read.
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining("sessionCache.uri") }),
    ]);
    await untilRemembered(identity, (await signIn(identity)).token);
  } finally {
    await identity.close();
    await front.stop();
  }
});

describe("a stream that ends", () => {
  it.each([
    [286, "ChangeStreamHistoryLost"],
    [280, "ChangeStreamFatalError"],
    [10334, "BSONObjectTooLarge"],
  ] as const)("with %i (%s) empties memory, and another begins", async (code, codeName) => {
    let ends = false;
    const play: Play = {
      getMore: {
        answer: () => {
          if (!ends) return undefined;
          ends = false;
          return failure(code, codeName);
        },
      },
    };
    await behind(play, async (identity) => {
      const { token } = await signIn(identity);
      await untilTrusted(identity);
      await untilRemembered(identity, token);
      const { epochs } = metricsOf(identity);
      ends = true;
      await until(() => metricsOf(identity).epochs > epochs);
      await untilTrusted(identity);
      await untilRemembered(identity, token);
    });
  });

  it("that fails again and again from the same place begins elsewhere", async () => {
    let [isStuck, isResumed, answers] = [false, false, 0];
    const play: Play = {
      aggregate: {
        answer: (command) => {
          if (!isStreamOpening(command)) return undefined;
          isResumed = JSON.stringify(command.pipeline).includes("resumeAfter");
          answers = 0;
          return undefined;
        },
        change: (reply) =>
          isStuck && isResumed ? { ...reply, cursor: { ...reply.cursor, firstBatch: [] } } : reply,
      },
      getMore: {
        // As of a server that scans for a while before it comes to what it can't deliver.
        answer: ({ getMore: id }) => {
          if (isStuck && !isResumed && answers > 0) isStuck = false;
          if (!isStuck) return undefined;
          answers += 1;
          const ns = `${temporary.name}.$cmd.aggregate`;
          return isResumed && answers === 1
            ? { ok: 1, cursor: { id, ns, nextBatch: [] } }
            : failure(8, "UnknownError");
        },
      },
    };
    await behind(play, async (identity) => {
      await untilTrusted(identity);
      const { epochs } = metricsOf(identity);
      [isStuck, answers] = [true, 0];
      await until(() => metricsOf(identity).epochs > epochs);
      isStuck = false;
      await untilTrusted(identity);
      await untilRemembered(identity, (await signIn(identity)).token);
    });
  });

  it("with its connection goes on where it was: memory stays", async () => {
    const identity = await openCached(temporary.uri);
    const front = await playInFront(inject("engine").uri, {});
    const cut = await openIdentity(withDatabase(front.uri, temporary.name), { sessionCache: {} });
    try {
      const { token, userId, sessionId } = await signIn(identity);
      await untilTrusted(cut);
      await untilRemembered(cut, token);
      const { epochs, echoes } = metricsOf(cut);
      front.drop();
      await until(() => metricsOf(cut).echoes > echoes);
      await untilTrusted(cut);
      expect(metricsOf(cut).epochs).toBe(epochs);
      await identity.sessions.revoke({ userId, sessionId });
      await until(async () => !(await cut.sessions.validate(token)).ok);
    } finally {
      await Promise.all([identity.close(), cut.close()]);
      await front.stop();
    }
  });

  it("with its collection empties memory, and takes no time of the processor", async () => {
    const identity = await openCached(temporary.uri);
    try {
      const { token } = await signIn(identity);
      await untilTrusted(identity);
      await untilRemembered(identity, token);
      const { epochs } = metricsOf(identity);
      await identity.models.UserSession.collection.drop();
      await until(() => metricsOf(identity).epochs > epochs);
      expect(await identity.sessions.validate(token)).toMatchObject({ ok: false, reason: "unknown" });
      // Timers fire only if nothing holds the event loop.
      for (let turn = 0; turn < 20; turn++) await setTimeout(1);
      await createIndexes(defineModels(temporary.connection));
      await untilTrusted(identity);
      await untilRemembered(identity, (await signIn(identity)).token);
    } finally {
      await identity.close();
    }
  });
});

describe("a revocation that is settled", () => {
  it("waits for the slowest of the instances that are there", async () => {
    const slow = await openCached(temporary.uri, { sessionCache: { revocationBoundMs: 2_000 } });
    const quick = await openCached(temporary.uri, { sessionCache: { revocationBoundMs: 200 } });
    try {
      await Promise.all([untilTrusted(slow), untilTrusted(quick)]);
      const { token, userId, sessionId } = await signIn(quick);
      await untilRemembered(slow, token);
      const from = performance.now();
      await quick.sessions.revoke({ userId, sessionId, settled: true });
      expect(performance.now() - from).toBeGreaterThanOrEqual(2_000);
      expect(await slow.sessions.validate(token)).toMatchObject({ ok: false });
    } finally {
      await Promise.all([slow.close(), quick.close()]);
    }
  });
});

describe("options", () => {
  it.each(["w=1", "w=0", "w=2", "journal=false", "j=false", "fsync=false"])(
    "a connection string with %s is refused",
    async (option) => {
      const opening = openIdentity(`${temporary.uri}&${option}`, { sessionCache: {} });
      await expect(opening).rejects.toMatchObject({ code: "WRITE_CONCERN_TOO_WEAK", details: { option } });
    },
  );

  it.each([{ revocationBoundMs: 199 }, { revocationBoundMs: 60_001 }, { maxEntries: 0 }, { made: "up" }])(
    "%j is refused",
    async (sessionCache) => {
      const opening = openIdentity(temporary.uri, { sessionCache } as OpenIdentityOptions);
      await expect(opening).rejects.toSatisfy((error) => isIdentityError(error, "INVALID_INPUT"));
    },
  );

  it("an identity without a cache has no metrics, and one on a connection of the caller's has its own stream", async () => {
    const without = createIdentity({ connection: temporary.connection });
    expect(without.sessionCacheMetrics()).toBeUndefined();
    const cached = createIdentity({
      connection: temporary.connection,
      sessionCache: { uri: temporary.uri, maxEntries: 2 },
    });
    await untilTrusted(cached);
    for (let opened = 0; opened < 3; opened++) await untilRemembered(cached, (await signIn(cached)).token);
    expect(metricsOf(cached)).toMatchObject({ entries: 2, evicted: 1 });
    await cached.close();
    expect(metricsOf(cached)).toMatchObject({ entries: 0, state: "closed", trusted: false });
    await without.close();
  });
});
