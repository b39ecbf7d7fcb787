// What tests of lib/api.ts share: a browser that keeps its cookie, users of a real server at BASE_URL, servers in distress.
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { ApiError, createTaskward, type TaskwardOptions } from "../lib/api";

export const BASE_URL = process.env.BASE_URL ?? "http://localhost:8000";
const PASSWORD = "correct horse battery staple";
export const KEY = "taskward.token";
let people = 0;

interface Call {
  method: string;
  path: string;
  authorization: string | null;
}

/** What a browser does: keep the session's cookie, send it where credentials are included. */
export function browser() {
  const cookies = new Map<string, string>();
  const calls: Call[] = [];
  const send: typeof fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    calls.push({
      method: init.method ?? "GET",
      path: String(input).slice(BASE_URL.length),
      authorization: headers.get("authorization"),
    });
    if (init.credentials === "include")
      headers.set("cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
    headers.set("origin", BASE_URL);
    const response = await fetch(input, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/);
      if (/max-age=0/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
  const renewals = () => calls.filter(({ path }) => path === "/api/auth/token").length;
  return { send, calls, renewals };
}

export function memory(): NonNullable<TaskwardOptions["storage"]> {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** A client of somebody who has a session, but no token yet. */
export async function newUser(options: TaskwardOptions = {}) {
  people += 1;
  const page = browser();
  const email = `api-${Date.now().toString(36)}-${people}@example.com`;
  const body = JSON.stringify({ name: "Ada", email, password: PASSWORD });
  const headers = { "Content-Type": "application/json" };
  const answer = await page.send(`${BASE_URL}/api/auth/sign-up/email`, { method: "POST", headers, body });
  assert.equal(answer.status, 200);
  page.calls.length = 0;
  const storage = memory();
  const events: string[] = [];
  const client = createTaskward({
    baseURL: BASE_URL,
    fetch: page.send,
    storage,
    onSignedOut: () => events.push("signed out"),
    ...options,
  });
  return { client, page, storage, events };
}

/** A token that looks valid until `exp`, and that no server accepts. */
export function forged(exp: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part({ sub: "me", iat: exp - 900, exp })}.c2lnbmF0dXJl`;
}

export const soon = () => Math.floor(Date.now() / 1000) + 600;

export function failed(status: number, more: (error: ApiError) => void = () => {}) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, status);
    more(error);
    return true;
  };
}

/** A server that answers as it is told: for what a real one does only in distress. */
export async function distressed(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function clientOf(baseURL: string, options: TaskwardOptions = {}) {
  const storage = memory();
  storage.setItem(KEY, forged(soon()));
  return createTaskward({ baseURL, storage, ...options });
}
