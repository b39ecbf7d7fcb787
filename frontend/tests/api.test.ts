// lib/api.ts against a real server at BASE_URL, in Node.js: `node --import tsx --test tests/api.test.ts`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTaskward } from "../lib/api";
import {
  BASE_URL,
  browser,
  clientOf,
  distressed,
  failed,
  forged,
  KEY,
  memory,
  newUser,
  soon,
} from "./support";

test("a task is created, read, listed, replaced, toggled and removed", async () => {
  const { client, page } = await newUser();
  const task = await client.tasks.create({ title: " Read ", description: "a book" });
  assert.deepEqual([task.title, task.description, task.completed], ["Read", "a book", false]);
  assert.deepEqual(await client.tasks.get(task.id), task);
  const replaced = await client.tasks.replace(task.id, { title: "Write" });
  assert.deepEqual([replaced.title, replaced.description], ["Write", "a book"]);
  const cleared = await client.tasks.replace(task.id, { title: "Write", description: null });
  assert.deepEqual([cleared.title, cleared.description], ["Write", null]);
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

test("after a 503, a 409 or a lost answer a read is sent again, and a create with the same key", async () => {
  const seen: string[] = [];
  const answers = [503, 409, 0];
  const url = await distressed((request, response) => {
    seen.push(`${request.method} ${request.headers["idempotency-key"] ?? ""}`.trim());
    const status = answers.shift();
    if (status === 0) return void response.destroy();
    if (status === undefined) return void response.end(request.method === "GET" ? "[]" : '{"id": 1}');
    response.writeHead(status, { "Retry-After": "0" }).end('{"detail": "Later"}');
  });
  const client = clientOf(url, { retries: 3 });
  await client.tasks.create({ title: "once" }, { idempotencyKey: "mine" });
  assert.deepEqual(seen, Array(4).fill("POST mine"));
  answers.push(503, 0);
  await client.tasks.list();
  assert.deepEqual(seen.slice(4), Array(3).fill("GET"));
});

test("another change is not sent again after a 503: what became of it is unknown", async () => {
  let calls = 0;
  const url = await distressed((_, response) => {
    calls += 1;
    response.writeHead(503, { "Retry-After": "0" }).end('{"detail": "Later"}');
  });
  await assert.rejects(clientOf(url).tasks.toggle(1), failed(503));
  assert.equal(calls, 1);
});

test("a create that is sent twice is one task", async () => {
  const { client } = await newUser();
  const twice = await Promise.allSettled(
    [1, 2].map(() => client.tasks.create({ title: "one" }, { idempotencyKey: "k" })),
  );
  assert.ok(twice.every(({ status }) => status === "fulfilled"));
  assert.equal((await client.tasks.list()).length, 1);
  await client.tasks.create({ title: "one" });
  assert.equal((await client.tasks.list()).length, 2);
});

test("a list that has not changed is not sent again", async () => {
  const { client } = await newUser();
  await client.tasks.create({ title: "one" });
  const first = await client.tasks.listUnless(null);
  assert.equal(first?.tasks.length, 1);
  assert.equal(await client.tasks.listUnless(first?.etag ?? null), null);
  await client.tasks.create({ title: "two" });
  assert.equal((await client.tasks.listUnless(first?.etag ?? null))?.tasks.length, 2);
});

test("a change of a version that is no longer there is 412, and changes nothing", async () => {
  const { client } = await newUser();
  const old = await client.tasks.create({ title: "old" });
  const fresh = await client.tasks.replace(old.id, { title: "fresh" }, { ifMatch: old });
  const calls = [
    () => client.tasks.replace(old.id, { title: "lost" }, { ifMatch: old }),
    () => client.tasks.toggle(old.id, { ifMatch: old }),
    () => client.tasks.remove(old.id, { ifMatch: old }),
  ];
  for (const call of calls) await assert.rejects(call, failed(412));
  assert.deepEqual(await client.tasks.get(old.id), fresh);
  await client.tasks.remove(old.id, { ifMatch: fresh });
});

test("a server that does not answer is given up after the time limit, also in the middle of an answer", async () => {
  for (const begins of [false, true]) {
    const url = await distressed((_, response) => {
      if (begins) response.writeHead(200).write("[");
    });
    const client = clientOf(url, { timeout: 0.05, retries: 0 });
    await assert.rejects(
      client.tasks.list(),
      failed(0, ({ detail }) => assert.equal(detail, "The server does not answer")),
    );
  }
});

test("nothing is sent with the token of somebody else", async () => {
  const { client, page } = await newUser();
  await client.tasks.list();
  page.calls.length = 0;
  await assert.rejects(client.tasks.create({ title: "not mine" }, { userId: "somebody-else" }), failed(401));
  assert.deepEqual(page.calls, []);
  await client.tasks.create({ title: "mine" }, { userId: client.token.userId() ?? "" });
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

test("a date in Retry-After is one of the server's clock", async () => {
  const wrong = Date.now() - 7_200_000;
  const headers = {
    "Retry-After": new Date(wrong + 60_000).toUTCString(),
    Date: new Date(wrong).toUTCString(),
  };
  const url = await distressed((_, response) => response.writeHead(503, headers).end("{}"));
  await assert.rejects(
    clientOf(url).tasks.list(),
    failed(503, ({ retryAfter }) => assert.equal(retryAfter, 60)),
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

test("a proxy that wants a password of its own signs nobody out", async () => {
  const url = await distressed((_, response) => {
    response.writeHead(401, { "Content-Type": "text/html" }).end("<h1>Who are you?</h1>");
  });
  const events: string[] = [];
  const client = clientOf(url, { onSignedOut: () => events.push("signed out") });
  await assert.rejects(
    client.tasks.list(),
    failed(401, ({ isFromAPI }) => assert.equal(isFromAPI, false)),
  );
  assert.deepEqual(events, []);
  assert.notEqual(client.token.get(), null);
});

test("a success that the API would not give is none: a page, another object, a list without tasks", async () => {
  for (const body of ["<h1>Log in to this network</h1>", "{}", '{"id":"1"}', "null"]) {
    const url = await distressed((_, response) => {
      response.writeHead(200, { "Content-Type": "text/html" }).end(body);
    });
    const client = clientOf(url);
    const isNoWord = failed(200, ({ isFromAPI }) => assert.equal(isFromAPI, false));
    await assert.rejects(client.tasks.list(), isNoWord);
    await assert.rejects(client.tasks.listUnless(null), isNoWord);
    await assert.rejects(client.tasks.create({ title: "x" }), isNoWord);
  }
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
