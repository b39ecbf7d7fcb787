// How the page looks: axe on each page in light and dark, nothing that shifts, nothing wider than the window;
// with SHOTS=<folder>, screenshots at three widths.
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  add,
  edit,
  finish,
  newContext,
  newPerson,
  openMenu,
  remove,
  step,
  until,
  withoutComplaints,
} from "./harness.mjs";
import { overhang, SCHEMES, settled, shift, violations } from "./judging.mjs";
import { addressFor, newClient } from "./oauth-client.mjs";

const WIDTHS = { zoomed: [320, 256], phone: [360, 760], tablet: [768, 900], desktop: [1440, 900] };
const SHOTS = process.env.SHOTS;
const SHIFT_MAX = 0.02;

const TASKS = ["Answer the letter from the bank", "Book the train to Lisbon", "Water the plants"];
const LONG = `Read ${"a very long title that goes on and on ".repeat(4)}`.trim();

const ada = await newPerson("Ada Lovelace", { bypassCSP: false });
const { page } = ada;
for (const title of [...TASKS, LONG]) await add(page, title);
await edit(page, LONG);
await page.getByLabel("Description").fill("Chapter one today.\nThe rest on Sunday.");
await page.getByRole("button", { name: "Save" }).click();
await page.getByRole("checkbox", { name: TASKS[1] }).click();
const stranger = await newContext();
const strangers = await stranger.newPage();

const heading = (name) => (visited) => visited.getByRole("heading", { name, level: 1 }).waitFor();
const VIEWS = [
  { name: "welcome", page: strangers, path: "/", ready: heading("Write it down. It stays put.") },
  { name: "sign-in", page: strangers, path: "/sign-in", ready: heading("Sign in") },
  {
    name: "sign-up",
    page: strangers,
    path: "/sign-up",
    ready: heading("Create an account"),
    async act(visited) {
      await visited.getByRole("button", { name: "Create account" }).click();
      await visited.getByText("Enter your name").waitFor();
    },
  },
  {
    name: "welcome-menu",
    page: strangers,
    path: "/",
    ready: heading("Write it down. It stays put."),
    act: (visited) => visited.getByRole("button", { name: "Theme" }).click(),
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
      await visited.getByLabel("New task").fill("x".repeat(201));
      await visited.getByRole("button", { name: "Add a description" }).click();
      await visited.getByLabel("New task").press("Enter");
      await edit(visited, TASKS[2]);
      await remove(visited, TASKS[0]);
      await visited.getByRole("button", { name: "Undo" }).waitFor();
    },
    async after(visited) {
      await visited.getByLabel("New task").fill("");
      await visited.getByLabel("Description").first().fill("");
      await visited.getByRole("button", { name: "Cancel" }).click();
    },
  },
  {
    name: "tasks-menu",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
    act: openMenu,
  },
  {
    name: "tasks-keys",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
    act: (visited) => visited.getByRole("button", { name: /^Keys/ }).click(),
  },
  {
    name: "tasks-nothing-found",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
    async act(visited) {
      await edit(visited, TASKS[2]);
      await visited.getByRole("textbox", { name: "Title", exact: true }).fill("Not finished");
      await visited.getByLabel("Search").fill("nothing like it");
      await visited.getByText("Nothing found").waitFor();
    },
    after: (visited) => visited.getByRole("button", { name: "Put away" }).click(),
  },
  {
    name: "tasks-clash",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
    async act(visited) {
      await edit(visited, TASKS[2]);
      await visited.getByRole("textbox", { name: "Title", exact: true }).fill("Water the plants on Monday");
      await changeElsewhere(visited, TASKS[2], "Water the cactus");
      await visited.keyboard.press("Enter");
      await visited.getByRole("button", { name: "Keep theirs" }).waitFor();
    },
    async after(visited) {
      await visited.getByRole("button", { name: "Keep mine", exact: true }).click();
      await visited.getByRole("main").getByText("This was changed elsewhere").waitFor({ state: "detached" });
    },
  },
  {
    name: "tasks-refused",
    page,
    path: "/tasks",
    ready: (visited) => visited.getByRole("checkbox", { name: LONG }).waitFor(),
    async act(visited) {
      await visited.route("**/api/tasks", (route) =>
        route.request().method() === "POST"
          ? route.fulfill({ status: 413, contentType: "text/html", body: "<h1>Too large</h1>" })
          : route.fallback(),
      );
      await visited.getByLabel("New task").fill("Much too long for a proxy on the way");
      await visited.getByLabel("New task").press("Enter");
      await visited.getByText("This is too long for something").first().waitFor();
    },
    async after(visited) {
      await visited.unrouteAll();
      await visited.getByRole("button", { name: "Discard" }).click();
    },
  },
  {
    name: "tasks-empty",
    page: (await newPerson("Eve")).page,
    path: "/tasks",
    ready: (visited) => visited.getByText("Nothing to do yet").waitFor(),
  },
  {
    name: "tasks-offline",
    page,
    path: "/tasks?status=completed",
    ready: (visited) => visited.getByRole("checkbox", { name: TASKS[1] }).waitFor(),
    async act(visited) {
      await ada.context.setOffline(true);
      await visited.getByLabel("New task").fill("In a tunnel");
      await visited.getByLabel("New task").press("Enter");
      await visited.getByText("Not saved yet").waitFor();
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
    name: "consent",
    page,
    path: addressFor(await newClient("Claude Desktop"), "looks"),
    ready: heading("Connect Claude Desktop?"),
  },
  {
    name: "account-delete",
    page,
    path: "/account",
    ready: (visited) => visited.getByText("this one").waitFor(),
    async act(visited) {
      await visited.getByRole("button", { name: "Delete account…" }).click();
      await visited.getByRole("button", { name: "Delete for good" }).click();
      await visited.getByText("Enter your password.").waitFor();
    },
  },
];

/** Another device gives a task another title. */
async function changeElsewhere(visited, title, other) {
  await visited.evaluate(
    async ([old, text]) => {
      const headers = {
        Authorization: `Bearer ${localStorage.getItem("taskward.token")}`,
        "Content-Type": "application/json",
      };
      const tasks = await (await fetch("/api/tasks", { headers })).json();
      const { id } = tasks.find((task) => task.title === old);
      const body = JSON.stringify({ title: text });
      await fetch(`/api/tasks/${id}`, { method: "PUT", headers, body });
    },
    [title, other],
  );
}

/** Within this scheme, at each width: nothing sticks out; then axe. */
async function judge(view, scheme) {
  await view.page.emulateMedia({ colorScheme: scheme });
  await settled(view.page, scheme);
  for (const [width, [x, y]] of Object.entries(WIDTHS)) {
    await view.page.setViewportSize({ width: x, height: y });
    const wider = await overhang(view.page);
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
  await openMenu(page);
  for (const [choice, expected] of [
    ["Dark", true],
    ["Light", false],
    ["Dark", true],
  ]) {
    await page.getByText(choice, { exact: true }).click();
    await until(async () => (await dark()) === expected);
  }
  await page.route("**/_next/static/**/*.js", (route) => route.abort());
  await page.reload({ waitUntil: "domcontentloaded" });
  assert.equal(await dark(), true);
  ada.context.complaints.length = 0;
});

await step("the looks are had without complaints", () => withoutComplaints(ada.context, stranger));

await finish();
