// What the programs of faults do again and again.
import assert from "node:assert/strict";
import { ask, BASE_URL, fillSignIn, newContext, until } from "./harness.mjs";

export const KEY = "taskward.token";

/** While the server is killed; afterwards it is back. */
export async function withoutServer(body) {
  await ask("kill");
  await body().finally(() => ask("restart"));
}

export async function type(page, title) {
  await page.getByLabel("New task").fill(title);
  await page.getByLabel("New task").press("Enter");
}

/** The page's token with another lifetime: its signature is no longer right. */
export async function forge(page, exp) {
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

/** End somebody's session elsewhere; their page's token holds no longer either. */
export async function endSession({ context, page }) {
  const elsewhere = await newContext({ storageState: { cookies: await context.cookies(), origins: [] } });
  const answer = await elsewhere.request.post("/api/auth/sign-out", {
    headers: { origin: BASE_URL },
    data: {},
  });
  assert.equal(answer.status(), 200);
  await elsewhere.close();
  await forge(page, 0);
}

/** As if somebody came back to the tab. */
export async function comeBack(page) {
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
}

/** The same person on another device. */
export async function anotherDevice({ email }) {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto("/sign-in");
  await fillSignIn(page, email);
  await page.getByRole("list", { name: "Tasks" }).waitFor();
  return { context, page };
}

export function renewals(context) {
  return context.requests.filter((request) => request.url().endsWith("/api/auth/token")).length;
}

export function reads(context) {
  return context.requests.filter((one) => one.method() === "GET" && one.url().endsWith("/api/tasks"));
}

/** Wait until the browser has kept the list that the server would send now, with its tag. */
export async function listIsKept(page) {
  await comeBack(page);
  await until(() => page.evaluate(isKept));
}

async function isKept() {
  const opening = indexedDB.open("taskward");
  const database = await new Promise((resolve) => {
    opening.onsuccess = () => resolve(opening.result);
  });
  const reading = database.transaction("facts").objectStore("facts").get("tasks");
  const kept = await new Promise((resolve) => {
    reading.onsuccess = () => resolve(reading.result);
  });
  database.close();
  const headers = { Authorization: `Bearer ${localStorage.getItem("taskward.token")}` };
  const answer = await fetch("/api/tasks", { headers });
  return kept?.etag?.replace("W/", "") === answer.headers.get("ETag").replace("W/", "");
}
