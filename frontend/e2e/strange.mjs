// Places that are not as they should be: proxies that answer in the server's place, browsers that keep nothing, a
// clock that jumps, what another build has left, a new build while a page is open.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { comeBack, KEY, type } from "./faults.mjs";
import {
  add,
  BASE_URL,
  edit,
  fillSignIn,
  finish,
  newPerson,
  openLine,
  PROGRAM,
  pass,
  remove,
  shows,
  step,
  stored,
  storedTitles,
  stores,
  task,
  titleField,
  tryNow,
  until,
} from "./harness.mjs";

const PAGE = { contentType: "text/html", body: "<h1>Nothing to see</h1>" };
const BLOCKED = "This browser keeps nothing for this page";

async function proxies() {
  const una = await newPerson("Una");
  const { page } = una;
  const answerPosts = (answer) =>
    page.route("**/api/tasks", (route) =>
      route.request().method() === "POST" ? route.fulfill({ ...PAGE, ...answer }) : route.fallback(),
    );

  await step("what a proxy refuses is a refusal: too long, forbidden, in no form it knows", async () => {
    for (const [status, sentence] of [
      [413, "This is too long for something that stands between"],
      [403, "does not let this through"],
      [400, "does not let this through"],
    ]) {
      await answerPosts({ status });
      await type(page, `Refused with ${status}`);
      const row = task(page, `Refused with ${status}`);
      await row.getByText(sentence).waitFor();
      await page.unrouteAll();
      await row.getByRole("button", { name: "Try again" }).click();
      await until(async () => (await storedTitles(page))[0] === `Refused with ${status}`);
    }
  });

  await step("what a proxy refuses can be made shorter", async () => {
    await answerPosts({ status: 413 });
    await type(page, "Far too long");
    await task(page, "Far too long").getByRole("button", { name: "Edit it" }).click();
    await page.unrouteAll();
    await until(async () => (await page.getByLabel("New task").inputValue()) === "Far too long");
    await type(page, "Short");
    await until(async () => (await storedTitles(page))[0] === "Short");
    assert.ok(!(await storedTitles(page)).includes("Far too long"));
  });

  await step(
    "a network that wants one to log in first stores nothing, signs nobody out, ends nothing",
    async () => {
      const before = await storedTitles(page);
      for (const status of [200, 401]) {
        await una.context.route("**/api/**", (route) => route.fulfill({ status, ...PAGE }));
        await type(page, `Behind a ${status}`);
        await task(page, `Behind a ${status}`).getByText("Not saved yet").waitFor();
        await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
        await page.getByText(`Behind a ${status}`, { exact: true }).first().waitFor();
        assert.equal(new URL(page.url()).pathname, "/tasks");
        await una.context.unrouteAll();
        await tryNow(page);
        await until(async () => (await storedTitles(page))[0] === `Behind a ${status}`);
      }
      assert.equal((await storedTitles(page)).length, before.length + 2);
    },
  );

  await step("a list that is none is not taken for one, and the page goes on", async () => {
    await page.route("**/api/tasks", (route) =>
      route.request().method() === "GET"
        ? route.fulfill({ status: 200, json: { ok: true } })
        : route.fallback(),
    );
    const answered = page.waitForResponse("**/api/tasks");
    await comeBack(page);
    await answered;
    await page.getByText("What you write is kept here").waitFor();
    await add(page, "All the same");
    await page.unrouteAll();
    await until(async () => (await storedTitles(page))[0] === "All the same");
    assert.deepEqual(una.context.complaints, []);
  });

  await step(
    "a change that turns out to clash is not said to be made, nor offered to be undone",
    async () => {
      await edit(page, "Short");
      await titleField(page).fill("Mine");
      await rename(page, "Short", "Theirs");
      await titleField(page).press("Enter");
      await page.getByRole("main").getByText("This was changed elsewhere at the same time.").waitFor();
      assert.equal(await page.getByText("Changed “Mine”").count(), 0);
      await page.locator("[data-announced]").getByText("This was changed elsewhere").waitFor();
      await page.locator("body").press("Control+z"); // undoes what was done before, not this
      await task(page, "Mine").getByRole("button", { name: "Keep theirs" }).click();
      await task(page, "Theirs").waitFor();
      await una.context.close();
    },
  );
}

async function clocks() {
  for (const [name, hours] of [
    ["back", -1],
    ["forward", 1],
  ]) {
    await step(
      `with the clock put ${name} a deletion waits as long as it ever does, and can be undone`,
      async () => {
        const { context, page } = await newPerson("Tim");
        await page.clock.install();
        for (const title of ["Gone", "Kept"]) await add(page, title);
        await stores(page, ["Kept", "Gone"]);
        await remove(page, "Gone");
        await remove(page, "Kept");
        await page.evaluate((jump) => {
          const real = Date.now.bind(Date);
          Date.now = () => real() + jump;
        }, hours * 3_600_000);
        await pass(page, 3);
        await page.getByRole("button", { name: "Undo" }).click();
        await shows(page, ["Kept"]);
        await pass(page, 5);
        await stores(page, ["Kept"]);
        await context.close();
      },
    );
  }

  await step("a deletion from before the clock was put back is sent soon after a reload", async () => {
    const { context, page } = await newPerson("Tim");
    await add(page, "Gone");
    await stores(page, ["Gone"]);
    const [{ id, user_id, title, description }] = await stored(page);
    const change = { kind: "remove", task: id, base: { title, description } };
    const record = { id: "r", tab: "gone", order: 1, change, notBefore: Date.now() + 3_600_000 };
    await page.evaluate(
      ([key, text]) => localStorage.setItem(key, text),
      [`taskward.record.${user_id}.r`, JSON.stringify(record)],
    );
    await page.clock.install();
    await page.reload();
    await page.getByText("Nothing to do yet").waitFor();
    await pass(page, 8);
    await stores(page, []);
    await context.close();
  });
}

async function leftovers() {
  await step("what another build has left in the browser stops nothing, and stays", async () => {
    const { context, page } = await newPerson("Lea");
    await add(page, "Seen");
    await stores(page, ["Seen"]);
    const [{ user_id }] = await stored(page);
    const left = [
      [`taskward.record.${user_id}.a`, '{"id":"a","tab":"t","order":1,"change":{"kind":"archive","task":1}}'],
      [`taskward.record.${user_id}.b`, '{"id":"b","tab":"t"}'],
      [`taskward.draft.${user_id}.c`, '{"id":"c","tab":"t","text":["other"]}'],
      [`taskward.draft.${user_id}.d`, "{"],
    ];
    await page.evaluate((entries) => {
      for (const [key, text] of entries) localStorage.setItem(key, text);
    }, left);
    await page.evaluate(keepNonsense, user_id);
    await page.reload();
    await shows(page, ["Seen"]);
    await type(page, "New");
    await stores(page, ["New", "Seen"]);
    const there = await page.evaluate(
      (keys) => keys.map((key) => localStorage.getItem(key)),
      left.map(([key]) => key),
    );
    assert.deepEqual(
      there,
      left.map(([, text]) => text),
    );
    assert.deepEqual(context.complaints, []);
    await context.close();
  });
}

/** Instead of a list, in the database where the page keeps one. */
async function keepNonsense(userId) {
  const opening = indexedDB.open("taskward");
  const database = await new Promise((resolve) => {
    opening.onsuccess = () => resolve(opening.result);
  });
  const writing = database.transaction("facts", "readwrite");
  writing.objectStore("facts").put({ userId, etag: '"x"', tasks: { length: 1 } }, "tasks");
  await new Promise((resolve) => {
    writing.oncomplete = resolve;
  });
  database.close();
}

/** A browser that gives pages nothing to keep anything in: each fails in its own way. */
function blockAll() {
  const refuse = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, name, { get: refuse, configurable: true });
  IDBFactory.prototype.open = refuse;
  LockManager.prototype.request = () => Promise.reject(new DOMException("blocked", "SecurityError"));
  window.BroadcastChannel = class {
    constructor() {
      refuse();
    }
  };
}

/** One that has no room for a single letter, and whose database never answers. */
function blockQuietly() {
  Storage.prototype.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  Object.defineProperty(Storage.prototype, "length", { get: () => 0 });
  IDBFactory.prototype.open = () => new EventTarget();
}

async function browsersThatKeepNothing() {
  for (const [name, block] of [
    ["blocks every store", blockAll],
    ["has no room for anything, and never answers", blockQuietly],
  ]) {
    await step(`a browser that ${name}: the page says so, stores, and warns who leaves`, async () => {
      const zoe = await newPerson("Zoe");
      const page = await zoe.context.newPage();
      await page.addInitScript(block);
      await page.goto("/tasks");
      await page.getByText(BLOCKED).waitFor();
      await add(page, "Saved");
      const titlesStored = async () => (await storedElsewhere(zoe.context)).map(({ title }) => title);
      await until(async () => (await titlesStored())[0] === "Saved");
      await zoe.context.setOffline(true);
      await type(page, "Waiting");
      await page.getByText("One change is kept while this page is open").waitFor();
      await zoe.context.setOffline(false);
      await until(async () => (await titlesStored())[0] === "Waiting");
      await page.getByLabel("New task").fill("Half a word");
      const dialogs = [];
      page.once("dialog", (dialog) => dialogs.push(dialog.type()) && dialog.dismiss());
      await page.evaluate(() => setTimeout(() => location.reload()));
      await until(() => dialogs[0] === "beforeunload");
      await page.getByLabel("New task").fill("");
      assert.deepEqual(zoe.context.complaints, []);
      await zoe.context.close();
    });
  }

  await step("a browser that keeps no cookies: signing in says what is to be done", async () => {
    const { context: other, email } = await newPerson("Kay");
    await other.close();
    const folder = await mkdtemp(join(tmpdir(), "taskward-"));
    await mkdir(join(folder, "Default"));
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
    await writeFile(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
    const context = await chromium.launchPersistentContext(folder, { ...PROGRAM, baseURL: BASE_URL });
    try {
      const page = await context.newPage();
      await page.goto("/sign-in");
      await fillSignIn(page, email);
      await page.getByText("This browser keeps no cookies for this page").waitFor();
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    } finally {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** What the server has, asked for with the session: such a browser keeps no token. */
async function storedElsewhere(context) {
  const { token } = await (await context.request.get("/api/auth/token")).json();
  const answer = await context.request.get("/api/tasks", { headers: { Authorization: `Bearer ${token}` } });
  return answer.json();
}

async function newBuilds(line) {
  await step(
    "a new build while a page is open: it is said, the old page goes on, and no word is lost",
    async () => {
      const nia = await newPerson("Nia", { baseURL: line.url, serviceWorkers: "allow" });
      const { page } = nia;
      await page.evaluate(async () => (await navigator.serviceWorker.ready).active !== null);
      await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null));
      const worker = (await (await nia.context.request.get("/sw.js")).text())
        .replace(/const VERSION = ".*"/, 'const VERSION = "another"')
        .replace(/const FILES = .*;/, 'const FILES = ["/tasks"];');
      line.instead = (head) => {
        if (head.startsWith("GET /sw.js")) return javascript(worker);
        return head.startsWith("GET /_next/") ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" : null;
      };
      await page.getByLabel("New task").fill("Half a word");
      await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
      await page.getByText("There is a new version of this page.").waitFor();
      await page.getByRole("button", { name: "Account menu" }).click();
      await page.getByRole("link", { name: "Account" }).click(); // of which nothing was loaded yet
      await page.getByLabel("Current password").waitFor();
      await page.getByRole("link", { name: "Tasks", exact: true }).click();
      await until(async () => (await page.getByLabel("New task").inputValue()) === "Half a word");
      line.instead = () => null;
      await page.getByRole("button", { name: "Load it" }).click();
      await page.getByText("There is a new version").waitFor({ state: "detached" });
      await until(async () => (await page.getByLabel("New task").inputValue()) === "Half a word");
      await page.getByLabel("New task").press("Enter");
      await stores(page, ["Half a word"]);
      assert.deepEqual(nia.context.complaints, []);
      await nia.context.close();
    },
  );
}

function javascript(text) {
  const headers = ["Content-Type: text/javascript", `Content-Length: ${Buffer.byteLength(text)}`];
  return `HTTP/1.1 200 OK\r\n${headers.join("\r\n")}\r\n\r\n${text}`;
}

/** As another device would. */
async function rename(page, from, to) {
  await page.evaluate(
    async ([key, old, title]) => {
      const headers = {
        Authorization: `Bearer ${localStorage.getItem(key)}`,
        "Content-Type": "application/json",
      };
      const tasks = await (await fetch("/api/tasks", { headers })).json();
      const { id } = tasks.find((one) => one.title === old);
      await fetch(`/api/tasks/${id}`, { method: "PUT", headers, body: JSON.stringify({ title }) });
    },
    [KEY, from, to],
  );
}

const line = await openLine();
await proxies();
await clocks();
await leftovers();
await browsersThatKeepNothing();
await newBuilds(line);
line.close();
await finish();
