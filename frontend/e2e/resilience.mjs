// What goes wrong between a page and its server, and how the page takes it.
import assert from "node:assert/strict";
import {
  add,
  ask,
  finish,
  newContext,
  newPerson,
  shows,
  step,
  stored,
  storedTitles,
  task,
  titles,
  until,
  withoutComplaints,
} from "./harness.mjs";

const KEY = "taskward.token";
const MANY = 10_000;

/** The page's token with another lifetime: its signature is no longer right. */
async function forge(page, exp) {
  await page.evaluate(
    ([key, time]) => {
      const [header, payload, signature] = localStorage.getItem(key).split(".");
      const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
      const forged = btoa(JSON.stringify({ ...claims, exp: time })).replaceAll("=", "");
      localStorage.setItem(key, `${header}.${forged}.${signature}`);
    },
    [KEY, exp],
  );
}

function renewals(context) {
  return context.requests.filter((request) => request.url().endsWith("/api/auth/token")).length;
}

const ada = await newPerson("Ada");
const { page } = ada;
ada.context.requests.length = 0; // her first token is no renewed one

await step("a token that has expired is renewed unseen, before it is sent", async () => {
  await add(page, "Before");
  await forge(page, Math.floor(Date.now() / 1000) - 60);
  await add(page, "After");
  await until(async () => (await storedTitles(page)).length === 2);
  assert.equal(renewals(ada.context), 1);
  assert.equal(page.url().endsWith("/tasks"), true);
});

await step("a token that the server refuses is renewed unseen, once for all calls", async () => {
  await forge(page, Math.floor(Date.now() / 1000) + 9999);
  await page.reload();
  await shows(page, ["After", "Before"]);
  assert.equal(renewals(ada.context), 2);
  const refused = ada.context.requests.filter((request) => request.url().endsWith("/api/tasks"));
  const statuses = await Promise.all(refused.map(async (request) => (await request.response())?.status()));
  assert.ok(statuses.includes(401), "the server never refused the token: the step shows nothing");
});

await step("a change is shown before the server has answered, and taken back if it refuses", async () => {
  await page.route("**/api/tasks", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    await shows(page, ["Too much", "After", "Before"]); // only then is it answered
    return route.fulfill({ status: 500, json: { detail: "Internal server error" } });
  });
  await page.getByLabel("New task").fill("Too much");
  await page.getByLabel("New task").press("Enter");
  await page.getByText("“Too much” was not added. Internal server error.").waitFor();
  await shows(page, ["After", "Before"]);
  await page.unroute("**/api/tasks");
  await page.getByRole("button", { name: "Try again" }).click();
  await shows(page, ["Too much", "After", "Before"]);
  await until(async () => (await storedTitles(page))[0] === "Too much");
});

await step(
  "a task that was just added can be completed, edited and deleted before it is stored",
  async () => {
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route("**/api/tasks", async (route) => {
      if (route.request().method() === "POST") await held;
      return route.fallback();
    });
    await page.getByLabel("New task").fill("Hasty");
    await page.getByLabel("New task").press("Enter");
    await page.getByRole("checkbox", { name: "Hasty" }).click();
    await page.getByRole("button", { name: "Edit Hasty" }).click();
    await page.getByLabel("Title").fill("Hasty, edited");
    await page.keyboard.press("Enter");
    await shows(page, ["Hasty, edited", "Too much", "After", "Before"]);
    release();
    await until(async () => {
      const [first] = await stored(page);
      return first.title === "Hasty, edited" && first.completed;
    });
    await page.unroute("**/api/tasks");
    await shows(page, ["Hasty, edited", "Too much", "After", "Before"]);
  },
);

await step("offline, changes wait and are said to; back online they are sent", async () => {
  await ada.context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await page.getByLabel("New task").fill("Written in a tunnel");
  await page.getByLabel("New task").press("Enter");
  await task(page, "Written in a tunnel").waitFor();
  await ada.context.setOffline(false);
  await page.getByText("You are offline.").waitFor({ state: "detached" });
  await until(async () => (await storedTitles(page))[0] === "Written in a tunnel");
});

await step("a server that is killed and started again under the open page is found again", async () => {
  await ask("kill");
  await page.getByLabel("New task").fill("To nobody");
  await page.getByLabel("New task").press("Enter");
  await page.getByText("“To nobody” was not added. The server cannot be reached.").waitFor();
  await until(async () => (await task(page, "To nobody").count()) === 0);
  await page.getByText("The server cannot be reached. Trying again…").waitFor();
  await until(async () => (await titles(page)).length === 5);
  await ask("restart");
  await page
    .getByText("The server cannot be reached. Trying again…")
    .waitFor({ state: "detached", timeout: 20_000 });
  await page.getByRole("button", { name: "Try again" }).click();
  await until(async () => (await storedTitles(page))[0] === "To nobody");
});

await step("two tabs are in step: what one does, the other shows", async () => {
  const other = await ada.context.newPage();
  await other.goto("/tasks?status=pending");
  await task(other, "To nobody").waitFor();
  await add(page, "From the first tab");
  await task(other, "From the first tab").waitFor();
  await page.getByRole("checkbox", { name: "From the first tab" }).click();
  await task(other, "From the first tab").waitFor({ state: "detached" });
  await other.getByRole("button", { name: "Edit To nobody" }).click();
  await other.getByLabel("Title").fill("To everybody");
  await other.keyboard.press("Enter");
  await task(page, "To everybody").waitFor();
  await page.getByRole("button", { name: "Delete To everybody" }).click();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await task(other, "To everybody").waitFor({ state: "detached" });
  await other.close();
});

await step("10,000 tasks: a screenful of rows in the document, the last one within reach", async () => {
  const [{ user_id }] = await stored(page);
  await ask({ seed: user_id, count: MANY });
  await page.reload();
  await page
    .getByRole("link", { name: /^All/ })
    .getByText(String(MANY + 6))
    .waitFor();
  assert.ok((await page.getByRole("listitem").count()) < 50);
  const pace = await page.evaluate(scrollThrough);
  await task(page, "Before").waitFor();
  assert.ok((await page.getByRole("listitem").count()) < 50);
  const box = await task(page, "Before").getByRole("checkbox");
  await box.click();
  await until(() => box.isChecked());
  return pace;
});

/** Scroll from the top to the end as fast as frames come; how long the frames took, in milliseconds. */
async function scrollThrough() {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const times = [];
  let before = await frame();
  for (let part = 1; part <= 60; part += 1) {
    window.scrollTo(0, (document.documentElement.scrollHeight * part) / 60);
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  for (let settled = 0; settled < 5; settled += 1) {
    window.scrollTo(0, document.documentElement.scrollHeight);
    await frame();
  }
  times.sort((a, b) => a - b);
  return { median: Math.round(times[30]), slowest: Math.round(times[59]) };
}

await step("a session that ends elsewhere leads to the sign-in page at the next call", async () => {
  const cookies = await ada.context.cookies();
  const elsewhere = await newContext({ storageState: { cookies, origins: [] } });
  const origin = new URL(page.url()).origin;
  const answer = await elsewhere.request.post("/api/auth/sign-out", { headers: { origin }, data: {} });
  assert.equal(answer.status(), 200);
  await elsewhere.close();
  await forge(page, 0);
  await page.getByLabel("New task").fill("Too late");
  await page.getByLabel("New task").press("Enter");
  await page.waitForURL(/sign-in/);
  assert.equal(await page.evaluate((key) => localStorage.getItem(key), KEY), null);
});

await step("signing out in one tab signs out the other", async () => {
  const grace = await newPerson("Grace");
  const other = await grace.context.newPage();
  await other.goto("/tasks");
  await other.getByText("Nothing to do yet").waitFor();
  await grace.page.getByRole("button", { name: "Sign out" }).click();
  await grace.page.waitForURL("/sign-in");
  await other.waitForURL(/sign-in/);
  await withoutComplaints(grace.context);
  await grace.context.close();
});

await step("the page never complained, whatever happened", () => withoutComplaints(ada.context));

await finish();
