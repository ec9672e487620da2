import type { SessionCacheMetrics } from "@org/db-models";
import { Counter, Gauge, type Registry } from "prom-client";

type Read = () => SessionCacheMetrics | undefined;
type Value = (metrics: SessionCacheMetrics) => number;

/** Adds the metrics of a session cache, read when they are scraped; nothing where there is no cache. */
export function observeSessionCache(registry: Registry, read: Read): void {
  if (!read()) return;
  const registers = [registry];
  const names = (name: string) => `identity_session_cache_${name}`;
  new Counter({
    name: names("checks_total"),
    help: "Checks by what answered: memory, a read that another check had begun, or a read of their own, by its cause",
    labelNames: ["answer"],
    registers,
    collect() {
      const metrics = read();
      if (!metrics) return;
      this.reset();
      const { hits: memory, joined, misses } = metrics;
      for (const [answer, checks] of Object.entries({ memory, joined, ...misses }))
        this.inc({ answer }, checks);
    },
  });
  for (const [name, { help, value }] of Object.entries(counters)) {
    new Counter({
      name: names(name),
      help,
      registers,
      collect() {
        const metrics = read();
        this.reset();
        if (metrics) this.inc(value(metrics));
      },
    });
  }
  for (const [name, { help, value }] of Object.entries(gauges)) {
    new Gauge({
      name: names(name),
      help,
      registers,
      collect() {
        const metrics = read();
        if (metrics) this.set(value(metrics));
      },
    });
  }
}

const counters: Readonly<Record<string, { help: string; value: Value }>> = {
  lapses_total: {
    help: "Times that memory was not vouched for by heartbeats while checks came",
    value: ({ lapses }) => lapses,
  },
  lapsed_seconds_total: {
    help: "Seconds in which memory was not vouched for by heartbeats; alert on these",
    value: ({ lapsedMs }) => lapsedMs / 1_000,
  },
  epochs_total: {
    help: "Times that the change stream began again and memory was emptied",
    value: ({ epochs }) => epochs,
  },
  events_total: { help: "Changes that the stream delivered", value: ({ events }) => events },
  echoes_total: { help: "Heartbeats that came back", value: ({ echoes }) => echoes },
  echo_seconds_total: {
    help: "Seconds that heartbeats took to come back",
    value: ({ echoMs }) => echoMs / 1_000,
  },
  raced_total: {
    help: "Reads that were not kept, as something had changed meanwhile",
    value: ({ raced }) => raced,
  },
  untouched_total: {
    help: "Uses that were not written, as somebody had changed the session",
    value: ({ untouched }) => untouched,
  },
  evicted_total: { help: "Entries that made room for others", value: ({ evicted }) => evicted },
};

const gauges: Readonly<Record<string, { help: string; value: Value }>> = {
  trusted: { help: "1 while heartbeats vouch for memory", value: ({ trusted }) => Number(trusted) },
  echo_age_seconds: {
    help: "Age of the newest heartbeat that came back",
    value: ({ echoAgeMs }) => (echoAgeMs ?? Number.NaN) / 1_000,
  },
  longest_echo_seconds: {
    help: "The longest that a heartbeat took to come back",
    value: ({ longestEchoMs }) => longestEchoMs / 1_000,
  },
  entries: { help: "Entries in memory", value: ({ entries }) => entries },
  bytes: { help: "Size of the entries as BSON", value: ({ bytes }) => bytes },
};
