// What comes seldom, and must not cost a word either: undoing while another device writes, proxies that answer
// for a server, a browser that is nearly full, a clock that is put back.
import assert from "node:assert/strict";
import { comeBack, listIsKept, type } from "./faults.mjs";
import {
  add,
  edit,
  newPerson,
  remove,
  shows,
  step,
  stored,
  stores,
  task,
  titleField,
  titles,
  until,
} from "./harness.mjs";

const PROXY = { contentType: "text/html", body: "<h1>Nothing behind this proxy</h1>" };

export async function oddDays() {
  const una = await newPerson("Una");
  const { context, page } = una;

  await step("undoing an edit or a deletion keeps what another device wrote since", async () => {
    await add(page, "Old");
    await edit(page, "Old");
    await titleField(page).fill("New");
    await titleField(page).press("Enter");
    await stores(page, ["New"]);
    await describeElsewhere(page, "one");
    await page.getByText("one", { exact: true }).waitFor();
    await page.locator("body").press("Control+z");
    await stores(page, ["Old"]);
    assert.equal((await stored(page))[0].description, "one");
    await remove(page, "Old");
    await describeElsewhere(page, "two");
    await page.getByRole("button", { name: "Undo" }).click();
    await task(page, "Old").getByText("two").waitFor();
    assert.equal((await stored(page))[0].description, "two");
  });

  await step("a proxy's 404 is no word of the server's: the change waits", async () => {
    await page.route("**/api/tasks/*/complete", (route) => route.fulfill({ status: 404, ...PROXY }));
    await page.getByRole("checkbox", { name: "Old" }).click();
    await page.getByText("Not saved yet").waitFor();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await until(async () => (await stored(page))[0]?.completed);
  });

  await step("as long as the server asks for, nothing is sent again unless the person says so", async () => {
    let asked = 0;
    await page.route("**/api/tasks", (route) => {
      if (route.request().method() !== "POST") return route.fallback();
      asked += 1;
      return route.fulfill({ status: 503, headers: { "Retry-After": "60" }, json: { detail: "busy" } });
    });
    await type(page, "Patience");
    await page.getByText("Not saved yet").waitFor();
    const answered = page.waitForResponse((answer) => answer.request().method() === "GET");
    await comeBack(page);
    await answered;
    await type(page, "More patience"); // is queued after what that answer would have sent
    assert.equal(asked, 1);
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).first().click();
    await stores(page, ["More patience", "Patience", "Old"]);
  });

  await step("a description that was typed stays when lines are pasted as tasks", async () => {
    await page.getByLabel("New task").fill("x");
    await page.getByRole("button", { name: "Add a description" }).click();
    await page.getByLabel("Description").fill("Precious");
    await page.getByLabel("New task").evaluate((input) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", "\ny");
      input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    });
    await stores(page, ["x", "y", "More patience", "Patience", "Old"]);
    assert.equal(await page.getByLabel("Description").inputValue(), "Precious");
    await page.getByLabel("Description").fill("");
  });

  await step("what found no room is told as long as it has none, and is written once it has", async () => {
    await context.setOffline(true);
    await page.evaluate(fillAllBut, 1500);
    await page.getByLabel("New task").fill("Long");
    await page.getByLabel("Description").fill("w".repeat(5000));
    await page.getByLabel("New task").press("Enter");
    await page.getByText("This browser has no room left.").waitFor();
    await type(page, "Short");
    await task(page, "Short").waitFor();
    assert.equal(await page.getByText("This browser has no room left.").count(), 1);
    await page.evaluate(() => {
      for (const key of Object.keys(localStorage)) if (key.startsWith("fill ")) localStorage.removeItem(key);
    });
    await type(page, "Room again");
    await page.getByText("This browser has no room left.").waitFor({ state: "detached" });
    assert.ok(await page.evaluate(() => Object.values(localStorage).some((kept) => kept.includes("wwww"))));
    await context.setOffline(false);
    await until(async () => (await stored(page)).some(({ description }) => description?.length === 5000));
  });

  await step("with the clock put back the last edit is still the last, also after a reload", async () => {
    await page.route("**/api/tasks/*", (route) =>
      route.request().method() === "PUT" ? route.abort() : route.fallback(),
    );
    await page.clock.setFixedTime(Date.now() + 3_600_000);
    await edit(page, "Old");
    await titleField(page).fill("First");
    await titleField(page).press("Enter");
    await task(page, "First").waitFor();
    await page.clock.setFixedTime(Date.now());
    page.once("dialog", (dialog) => dialog.accept());
    await page.reload();
    await edit(page, "First");
    await titleField(page).fill("Last");
    await titleField(page).press("Enter");
    await task(page, "Last").waitFor();
    assert.equal((await titles(page)).at(-1), "Last");
    await page.close();
    const again = await context.newPage();
    await again.goto("/tasks");
    await until(async () => (await stored(again)).at(-1)?.title === "Last");
    await context.close();
  });

  await step("the kept page opens as well while a proxy says 502, whatever lies in the storage", async () => {
    const eve = await newPerson("Eve", { serviceWorkers: "allow" });
    await add(eve.page, "Seen");
    await stores(eve.page, ["Seen"]);
    await eve.page.evaluate(async () => (await navigator.serviceWorker.ready).active !== null);
    await listIsKept(eve.page);
    const [{ user_id: user }] = await stored(eve.page);
    await eve.page.evaluate(
      (key) => localStorage.setItem(key, '{"of":"another build"}'),
      `taskward.record.${user}.x`,
    );
    await eve.context.route("**/*", (route) => route.fulfill({ status: 502, ...PROXY }));
    eve.page = await eve.context.newPage();
    await eve.page.goto("/tasks");
    await shows(eve.page, ["Seen"]);
    await eve.context.close();
  });
}

async function describeElsewhere(page, description) {
  await page.evaluate(async (text) => {
    const headers = {
      Authorization: `Bearer ${localStorage.getItem("taskward.token")}`,
      "Content-Type": "application/json",
    };
    const [{ id, title, completed }] = await (await fetch("/api/tasks", { headers })).json();
    const body = JSON.stringify({ title, completed, description: text });
    await fetch(`/api/tasks/${id}`, { method: "PUT", headers, body });
  }, description);
  const answered = page.waitForResponse((answer) => answer.request().method() === "GET");
  await comeBack(page);
  await answered;
}

/** Fill localStorage but for so many letters. */
function fillAllBut(letters) {
  let size = 4_000_000;
  for (let part = 0; size > 10; part += 1) {
    try {
      localStorage.setItem(`fill ${part}`, "x".repeat(size));
    } catch {
      size = Math.floor(size / 2);
    }
  }
  localStorage.setItem("fill 0", localStorage.getItem("fill 0").slice(letters));
}
