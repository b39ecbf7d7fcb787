// How the page looks: axe on each page in light and dark, nothing that shifts, nothing wider than the window;
// with SHOTS=<folder>, screenshots at three widths.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { add, finish, newContext, newPerson, step, until, withoutComplaints } from "./harness.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = { phone: [375, 760], tablet: [768, 900], desktop: [1280, 800] };
const SCHEMES = ["light", "dark"];
const SHOTS = process.env.SHOTS;
const SHIFT_MAX = 0.02;

const TASKS = ["Answer the letter from the bank", "Book the train to Lisbon", "Water the plants"];
const LONG = `Read ${"a very long title that goes on and on ".repeat(4)}`.trim();

const ada = await newPerson("Ada Lovelace", { bypassCSP: false });
const { page } = ada;
for (const title of [...TASKS, LONG]) await add(page, title);
await page.getByRole("button", { name: `Edit ${LONG}` }).click();
await page.getByLabel("Description").fill("Chapter one today.\nThe rest on Sunday.");
await page.getByRole("button", { name: "Save" }).click();
await page.getByRole("checkbox", { name: TASKS[1] }).click();
const stranger = await newContext();
const strangers = await stranger.newPage();

const heading = (name) => (visited) => visited.getByRole("heading", { name, level: 1 }).waitFor();
const VIEWS = [
  { name: "welcome", page: strangers, path: "/", ready: heading("Your tasks, and nobody else's.") },
  { name: "sign-in", page: strangers, path: "/sign-in", ready: heading("Sign in") },
  {
    name: "sign-up",
    page: strangers,
    path: "/sign-up",
    ready: heading("Create an account"),
    async act(visited) {
      await visited.getByRole("button", { name: "Create account" }).click();
      await visited.getByText("This is needed.").waitFor();
    },
  },
  { name: "not-found", page: strangers, path: "/nowhere", ready: heading("There is no such page") },
  {
    name: "tasks",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
  },
  {
    name: "tasks-busy",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
    async act(visited) {
      await visited.getByRole("button", { name: "Add a description" }).click();
      await visited.getByLabel("New task").press("Enter");
      await visited.getByRole("button", { name: `Edit ${TASKS[2]}` }).click();
      await visited.getByRole("button", { name: `Delete ${TASKS[0]}` }).click();
      await visited.getByRole("button", { name: "Undo" }).waitFor();
    },
    after: (visited) => visited.getByRole("button", { name: "Undo" }).click(),
  },
  {
    name: "tasks-offline",
    page,
    path: "/tasks?status=completed",
    ready: (visited) => visited.getByRole("checkbox", { name: TASKS[1] }).waitFor(),
    async act(visited) {
      await ada.context.setOffline(true);
      await visited.getByText("You are offline.").waitFor();
    },
    after: () => ada.context.setOffline(false),
  },
  {
    name: "account",
    page,
    path: "/account",
    ready: (visited) => visited.getByText("this one").waitFor(),
  },
  {
    name: "account-delete",
    page,
    path: "/account",
    ready: (visited) => visited.getByText("this one").waitFor(),
    async act(visited) {
      await visited.getByRole("button", { name: "Delete account…" }).click();
      await visited.getByRole("button", { name: "Delete for good" }).click();
      await visited.getByText("This is needed.").waitFor();
    },
  },
];

async function violations(visited) {
  // As Playwright evaluates it, axe is no script of the page: the policy stays as it is.
  if (!(await visited.evaluate(() => "axe" in globalThis))) await visited.evaluate(AXE);
  const { violations: found } = await visited.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
}

async function shift(visited) {
  return visited.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
        });
        observer.observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
  );
}

/** The page has taken the scheme, and no colour is on its way any more. */
async function settled(visited, scheme) {
  const isDark = () => visited.evaluate(() => document.documentElement.classList.contains("dark"));
  await until(async () => (await isDark()) === (scheme === "dark"));
  await until(() =>
    visited.evaluate(() => document.getAnimations().every(({ playState }) => playState !== "running")),
  );
}

/** Within this scheme, at each width: nothing sticks out; then axe. */
async function judge(view, scheme) {
  await view.page.emulateMedia({ colorScheme: scheme });
  await settled(view.page, scheme);
  for (const [width, [x, y]] of Object.entries(WIDTHS)) {
    await view.page.setViewportSize({ width: x, height: y });
    const wider = await view.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wider <= 0, `${width}: the page is ${wider} pixels wider than the window`);
    if (SHOTS) await view.page.screenshot({ path: join(SHOTS, `${view.name}-${scheme}-${width}.png`) });
  }
  assert.deepEqual(await violations(view.page), []);
}

for (const view of VIEWS) {
  await step(`${view.name}: nothing shifts while it loads`, async () => {
    await view.page.setViewportSize({ width: 1280, height: 800 });
    await view.page.goto(view.path);
    await view.ready(view.page);
    const shifted = await shift(view.page);
    assert.ok(shifted < SHIFT_MAX, `the layout shifted by ${shifted}`);
    await view.act?.(view.page);
    return { shifted };
  });
  for (const scheme of SCHEMES) {
    await step(`${view.name} in ${scheme}: axe finds nothing, nothing sticks out`, () => judge(view, scheme));
  }
  await view.after?.(view.page);
}

await step("the theme that somebody chose holds, against the system's, from the first moment", async () => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/tasks");
  const dark = () => page.evaluate(() => document.documentElement.classList.contains("dark"));
  for (const expected of [false, true]) {
    await page.getByRole("button", { name: /^Theme/ }).click();
    await until(async () => (await dark()) === expected);
  }
  await page.route("**/_next/static/**/*.js", (route) => route.abort());
  await page.reload({ waitUntil: "domcontentloaded" });
  assert.equal(await dark(), true);
  ada.context.complaints.length = 0;
});

await step("the looks are had without complaints", () => withoutComplaints(ada.context, stranger));

await finish();
