// lib/api.ts against a real server at BASE_URL, in Node.js: `node --import tsx --test tests/api.test.ts`.
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { ApiError, createTaskward, type TaskwardOptions } from "../lib/api";

const BASE_URL = process.env.BASE_URL ?? "http://localhost:8000";
const PASSWORD = "correct horse battery staple";
const KEY = "taskward.token";
let people = 0;

interface Call {
  method: string;
  path: string;
  authorization: string | null;
}

/** What a browser does: keep the session's cookie, send it where credentials are included. */
function browser() {
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

function memory(): NonNullable<TaskwardOptions["storage"]> {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** A client of somebody who has a session, but no token yet. */
async function newUser(options: TaskwardOptions = {}) {
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
function forged(exp: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part({ sub: "me", iat: exp - 900, exp })}.c2lnbmF0dXJl`;
}

const soon = () => Math.floor(Date.now() / 1000) + 600;

function failed(status: number, more: (error: ApiError) => void = () => {}) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, status);
    more(error);
    return true;
  };
}

/** A server that answers as it is told: for what a real one does only in distress. */
async function distressed(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(baseURL: string, options: TaskwardOptions = {}) {
  const storage = memory();
  storage.setItem(KEY, forged(soon()));
  return createTaskward({ baseURL, storage, ...options });
}

test("a task is created, read, listed, replaced, toggled and removed", async () => {
  const { client, page } = await newUser();
  const task = await client.tasks.create({ title: " Read ", description: "a book" });
  assert.deepEqual([task.title, task.description, task.completed], ["Read", "a book", false]);
  assert.deepEqual(await client.tasks.get(task.id), task);
  const replaced = await client.tasks.replace(task.id, { title: "Write" });
  assert.deepEqual([replaced.title, replaced.description], ["Write", null]);
  assert.equal((await client.tasks.toggle(task.id)).completed, true);
  assert.deepEqual(await client.tasks.list({ status: "pending" }), []);
  assert.deepEqual(
    (await client.tasks.list({ status: "completed" })).map(({ id }) => id),
    [task.id],
  );
  assert.equal(await client.tasks.remove(task.id), undefined);
  assert.deepEqual(await client.tasks.list(), []);
  assert.equal(page.renewals(), 1);
  assert.ok(page.calls.every(({ path }) => !path.includes("eyJ")));
});

test("each call carries the token as bearer token", async () => {
  const { client, page, storage } = await newUser();
  await client.tasks.list();
  assert.equal(page.calls.at(-1)?.authorization, `Bearer ${storage.getItem(KEY)}`);
});

test("a 422 has a sentence, and a problem for each field", async () => {
  const { client } = await newUser();
  await assert.rejects(
    client.tasks.create({ title: "x".repeat(201), description: "y".repeat(10_001) }),
    failed(422, ({ fields, detail }) => {
      assert.deepEqual(fields, { title: "at most 200 characters", description: "at most 10000 characters" });
      assert.match(detail, /title: at most 200 characters/);
    }),
  );
});

test("a missing task is 404, with the request's id", async () => {
  const { client } = await newUser();
  await assert.rejects(
    client.tasks.get(0),
    failed(404, ({ detail, requestId }) => {
      assert.equal(detail, "Task not found");
      assert.match(requestId ?? "", /^[0-9a-f]{32}$/);
    }),
  );
});

test("without a session one is signed out, and told so once", async () => {
  const events: string[] = [];
  const client = createTaskward({
    baseURL: BASE_URL,
    fetch: browser().send,
    storage: memory(),
    onSignedOut: () => events.push("signed out"),
  });
  const calls = await Promise.allSettled([client.tasks.list(), client.tasks.list()]);
  for (const call of calls) assert.equal(call.status === "rejected" && call.reason.status, 401);
  assert.deepEqual(events, ["signed out"]);
});

test("calls at once share one renewal of an expired token", async () => {
  const { client, page, storage } = await newUser();
  storage.setItem(KEY, forged(soon() - 3600));
  const lists = await Promise.all(Array.from({ length: 20 }, () => client.tasks.list()));
  assert.equal(lists.length, 20);
  assert.equal(page.renewals(), 1);
  assert.ok(!page.calls.some(({ authorization }) => authorization?.includes("c2lnbmF0dXJl")));
});

test("calls at once share one renewal of a token that the server refuses", async () => {
  const { client, page, storage, events } = await newUser();
  storage.setItem(KEY, forged(soon()));
  await Promise.all(Array.from({ length: 20 }, () => client.tasks.create({ title: "once" })));
  assert.equal((await client.tasks.list()).length, 20);
  assert.equal(page.renewals(), 1);
  assert.deepEqual(events, []);
});

test("a renewed token that is refused as well signs out, and nothing is tried a third time", async () => {
  const calls: string[] = [];
  const page = await newUser();
  const lossy: typeof fetch = (input, init = {}) => {
    const path = String(input).slice(BASE_URL.length);
    calls.push(path);
    const headers = new Headers(init.headers);
    headers.delete("authorization");
    return page.page.send(input, { ...init, headers });
  };
  const events: string[] = [];
  const storage = memory();
  const client = createTaskward({
    baseURL: BASE_URL,
    fetch: lossy,
    storage,
    onSignedOut: () => events.push("signed out"),
  });
  await assert.rejects(client.tasks.list(), failed(401));
  assert.deepEqual(calls, ["/api/auth/token", "/api/tasks", "/api/auth/token", "/api/tasks"]);
  assert.deepEqual(events, ["signed out"]);
  assert.equal(storage.getItem(KEY), null);
});

test("a computer whose clock is wrong renews no more often than another", async (context) => {
  const { client, page } = await newUser();
  for (const offset of [-7200, 7200]) {
    const now = Date.now();
    context.mock.method(Date, "now", () => now + offset * 1000);
    client.token.clear();
    page.calls.length = 0;
    for (let call = 0; call < 3; call += 1) await client.tasks.list();
    assert.equal(page.renewals(), 1, `${offset} s off`);
    context.mock.restoreAll();
  }
});

test("a token that comes after one has signed out is not kept", async () => {
  const { client, storage } = await newUser();
  const listing = client.tasks.list();
  client.token.clear();
  await assert.rejects(listing, failed(401));
  assert.equal(storage.getItem(KEY), null);
});

test("a server that is away is status 0, and nobody is signed out", async () => {
  const events: string[] = [];
  const client = clientOf("http://127.0.0.1:9", { onSignedOut: () => events.push("signed out") });
  await assert.rejects(
    client.tasks.list(),
    failed(0, ({ isUnreachable }) => assert.ok(isUnreachable)),
  );
  client.token.clear();
  await assert.rejects(client.tasks.list(), failed(0));
  assert.deepEqual(events, []);
});

test("a read is sent again after a 503, when the server says; a write is not", async () => {
  const seen: string[] = [];
  const url = await distressed((request, response) => {
    seen.push(request.method ?? "");
    if (seen.filter((method) => method === "GET").length > 1) response.end("[]");
    else
      response
        .writeHead(503, { "Retry-After": "0" })
        .end('{"detail": "The database is unavailable, try again"}');
  });
  const client = clientOf(url);
  await assert.rejects(
    client.tasks.create({ title: "once" }),
    failed(503, ({ retryAfter }) => assert.equal(retryAfter, 0)),
  );
  assert.deepEqual(await client.tasks.list(), []);
  assert.deepEqual(seen, ["POST", "GET", "GET"]);
});

test("everything is sent again after a 429, as often as one likes, when the server says", async () => {
  let calls = 0;
  const url = await distressed((_, response) => {
    calls += 1;
    response.writeHead(429, { "X-Retry-After": "0" }).end('{"message": "Too many requests"}');
  });
  await assert.rejects(
    clientOf(url, { retries: 3 }).tasks.remove(1),
    failed(429, ({ detail }) => assert.equal(detail, "Too many requests")),
  );
  assert.equal(calls, 4);
});

test("nobody waits longer than they want to", async () => {
  const url = await distressed((_, response) => response.writeHead(429, { "Retry-After": "3600" }).end("{}"));
  await assert.rejects(
    clientOf(url).tasks.list(),
    failed(429, ({ retryAfter }) => assert.equal(retryAfter, 3600)),
  );
});

test("Retry-After may be a date", async () => {
  const date = new Date(Date.now() + 60_000).toUTCString();
  const url = await distressed((_, response) => response.writeHead(503, { "Retry-After": date }).end("{}"));
  await assert.rejects(
    clientOf(url).tasks.list(),
    failed(503, ({ retryAfter }) => assert.ok(retryAfter !== null && retryAfter > 55 && retryAfter <= 60)),
  );
});

test("a call that waits can be given up", async () => {
  const url = await distressed((_, response) => response.writeHead(503, { "Retry-After": "9" }).end("{}"));
  const control = new AbortController();
  const listing = clientOf(url).tasks.list({ signal: control.signal });
  setTimeout(() => control.abort(), 100);
  await assert.rejects(listing, { name: "AbortError" });
});

test("a call that is under way can be given up, and is no failure of the server", async () => {
  const url = await distressed((_, response) => setTimeout(() => response.destroy(), 5_000).unref());
  const control = new AbortController();
  const listing = clientOf(url).tasks.list({ signal: control.signal });
  setTimeout(() => control.abort(), 100);
  await assert.rejects(listing, { name: "AbortError" });
});

test("an error page of a proxy is an error like others", async () => {
  const url = await distressed((_, response) => {
    response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>Bad Gateway</h1>");
  });
  await assert.rejects(
    clientOf(url).tasks.list(),
    failed(502, ({ detail }) => assert.equal(detail, "The server answered 502")),
  );
});

test("the token's user is known without asking, whatever stands there", async () => {
  const { client, storage } = await newUser();
  assert.equal(client.token.userId(), null);
  const [task] = [await client.tasks.create({ title: "mine" })];
  assert.equal(client.token.userId(), task?.user_id);
  storage.setItem(KEY, "nonsense");
  assert.equal(client.token.userId(), null);
  assert.equal((await client.tasks.list()).length, 1);
});
