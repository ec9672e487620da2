import { bundleChild, startChild } from "@org/dev-kit/children";
import type { InstanceDeps } from "../children/instance.js";

const bundle = await bundleChild(new URL("../children/instance.ts", import.meta.url), {
  whole: true,
  quickPasswords: true,
});

/** A process of the service. */
interface Instance {
  readonly address: string;
  /** SIGKILL: nothing is flushed. */
  kill(): void;
}

/** Starts processes on one database. */
export async function startInstances(count: number, uri: string, deps: InstanceDeps): Promise<Instance[]> {
  const children = Array.from({ length: count }, () => startChild(bundle, uri, JSON.stringify(deps)));
  await Promise.all(children.map((child) => child.hasPrinted("\n")));
  return children.map((child) => ({
    address: /http:\S+/.exec(child.printed())?.[0] ?? "",
    kill: () => child.kill(),
  }));
}

/** Starts two processes on one database, and tells where they listen. */
export async function startTwo(uri: string, deps: InstanceDeps): Promise<string[]> {
  return (await startInstances(2, uri, deps)).map(({ address }) => address);
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
  cookies: string[];
  retryAfter: string | null;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  payload?: object;
}

/** Asks an instance over HTTP. */
export async function ask(instance: string | undefined, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = asked.payload ? "POST" : "GET", headers = {}, payload } = asked;
  const json = payload && { "content-type": "application/json" };
  const body = payload && JSON.stringify(payload);
  const answer = await fetch(`${instance}/v1${path}`, {
    method,
    headers: { ...headers, ...json },
    ...(body && { body }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text ? JSON.parse(text) : {},
    cookies: answer.headers.getSetCookie(),
    retryAfter: answer.headers.get("retry-after"),
  };
}
