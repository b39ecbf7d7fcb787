// What goes wrong between a page and its server, and that no word is lost by it: the server is killed, frozen,
// slow, or its answers never come; sessions end, tabs close, two devices change one text. What counts is what
// the server has afterwards.
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { twoDevices } from "./devices.mjs";
import { comeBack, forge, listIsKept, reads, renewals, type, withoutServer } from "./faults.mjs";
import {
  add,
  ask,
  edit,
  fillSignIn,
  fillSignUp,
  finish,
  newContext,
  newEmail,
  newPerson,
  openLine,
  PASSWORD,
  pass,
  remove,
  shows,
  signOut,
  step,
  stored,
  storedTitles,
  stores,
  task,
  titleField,
  titles,
  tryNow,
  until,
  withoutComplaints,
} from "./harness.mjs";
import { oddDays } from "./odds.mjs";
import { sessionsThatEnd } from "./sessions.mjs";

const MANY = 10_000;

const line = await openLine();
const ada = await newPerson("Ada", { baseURL: line.url });
const { page } = ada;

await step("what get-session says is used: no token is asked for", async () => {
  assert.equal(renewals(ada.context), 0);
  assert.equal(reads(ada.context).length, 1);
});

await step("a token that has expired, or is refused, is renewed unseen", async () => {
  await forge(page, Math.floor(Date.now() / 1000) - 60);
  await add(page, "Before");
  await stores(page, ["Before"]);
  assert.equal(renewals(ada.context), 1);
  await forge(page, Math.floor(Date.now() / 1000) + 9999);
  await add(page, "After");
  await stores(page, ["After", "Before"]);
  assert.equal(renewals(ada.context), 2);
});

await step(
  "with the server killed ten tasks are typed: each stays and says so, and is stored later, once",
  async () => {
    const typed = Array.from({ length: 10 }, (_, index) => `To nobody ${index}`);
    const expected = [...typed.toReversed(), "After", "Before"];
    await withoutServer(async () => {
      for (const title of typed) await type(page, title);
      await shows(page, expected);
      await page.getByText("Not saved yet").nth(9).waitFor();
      await page.getByText("10 changes are kept here").waitFor();
      await page.getByRole("checkbox", { name: "To nobody 3" }).click();
    });
    await tryNow(page);
    await until(async () => isDeepStrictEqual((await storedTitles(page)).sort(), expected.toSorted()));
    await until(async () => (await stored(page)).filter(({ completed }) => completed).length === 1);
    await page.getByText("Not saved yet").first().waitFor({ state: "detached" });
    await shows(page, await storedTitles(page));
  },
);

await step("with the server killed no form sticks: it says so, and its button works again", async () => {
  // Two browsers: whoever signs up in one tab is led on in all others, before they can say what was wrong there.
  const strangers = [await newContext(), await newContext()];
  const [signIn, signUp] = await Promise.all(strangers.map((context) => context.newPage()));
  const account = await ada.context.newPage();
  await signIn.goto("/sign-in");
  await signUp.goto("/sign-up");
  await account.goto("/account");
  await account.getByText("this one").waitFor();
  await withoutServer(async () => {
    await fillSignIn(signIn, newEmail("Eve"));
    await fillSignUp(signUp, "Eve", newEmail("Eve"));
    await account.getByRole("button", { name: "Save name" }).click();
    await account.getByLabel("Current password").fill(PASSWORD);
    await account.getByLabel("New password").fill(`${PASSWORD}!`);
    await account.getByRole("button", { name: "Change password" }).click();
    for (const [visited, count] of [
      [signIn, 1],
      [signUp, 1],
      [account, 2],
    ])
      await visited
        .getByText("The server cannot be reached. Try again in a moment.")
        .nth(count - 1)
        .waitFor();
    await signOut(account);
    await account.getByText("You are still signed in. The server cannot be reached.").waitFor();
  });
  for (const [visited, name] of [
    [signIn, "Sign in"],
    [signUp, "Create account"],
    [account, "Save name"],
  ])
    await visited.getByRole("main").getByRole("button", { name }).click();
  await signIn.getByText("The e-mail address or the password is wrong.").waitFor();
  await signUp.waitForURL("/tasks");
  await account.getByText("Your name is saved.").waitFor();
  for (const context of strangers) await context.close();
  await account.close();
});

await step("offline: added, closed, come back: it is there, and is stored", async () => {
  const grace = await newPerson("Grace");
  await grace.context.setOffline(true);
  await type(grace.page, "Written in a tunnel");
  await grace.page.getByText("You are offline. One change is kept here").waitFor();
  await grace.page.close();
  await grace.context.setOffline(false);
  grace.page = await grace.context.newPage();
  await grace.page.goto("/tasks");
  await shows(grace.page, ["Written in a tunnel"]);
  await stores(grace.page, ["Written in a tunnel"]);
  await grace.context.close();
});

await step(
  "on a slow line ten tasks are added and the page is loaded anew at once: each is stored, once",
  async () => {
    line.delay = 600;
    line.most = 0;
    const before = await storedTitles(page);
    for (let index = 0; index < 10; index += 1) await type(page, `Quick ${index}`);
    await page.reload();
    line.delay = 0;
    await until(async () => (await storedTitles(page)).length === before.length + 10);
    await until(async () => (await titles(page))[0] === "Quick 9");
    assert.equal(new Set(await storedTitles(page)).size, before.length + 10);
    assert.ok(line.most >= 2, `creates were sent one after another: ${line.most} at once`);
  },
);

await step("whoever leaves while something is not stored is warned", async () => {
  await ada.context.setOffline(true);
  await type(page, "Not yet");
  await page.getByText("Not saved yet").waitFor();
  const dialogs = [];
  page.once("dialog", (dialog) => dialogs.push(dialog.type()) && dialog.dismiss());
  await page.evaluate(() => setTimeout(() => location.reload()));
  await until(() => dialogs[0] === "beforeunload");
  await ada.context.setOffline(false);
  await until(async () => (await storedTitles(page))[0] === "Not yet");
});

await step("an answer that is lost doubles nothing: not a create, not a toggle, not a deletion", async () => {
  const losing = async (pattern, act) => {
    Object.assign(line, { lose: pattern, lost: 0 });
    await act();
    // A browser sends a request again by itself if a connection that it had used before is closed.
    await until(() => line.lost >= 3);
    line.lose = null;
    await comeBack(page); // and try again at once
    await page.getByText(/kept here, and sent as soon as/).waitFor({ state: "detached" });
  };
  await losing(/^POST \/api\/tasks/, () => type(page, "Once"));
  assert.equal((await storedTitles(page)).filter((title) => title === "Once").length, 1);
  await losing(/^PATCH/, () => page.getByRole("checkbox", { name: "Once" }).click());
  assert.equal((await stored(page))[0].completed, true);
  await page.clock.install();
  await losing(/^DELETE/, async () => {
    await remove(page, "Once");
    await pass(page, 8);
  });
  await until(async () => !(await storedTitles(page)).includes("Once"));
  await page.clock.resume();
});

await step(
  "with the server frozen a task says “Saving…”, then that it is not saved; thawed, it is stored once",
  async () => {
    await ask("freeze");
    try {
      await type(page, "Into the ice");
      await page.getByText("Saving…").waitFor();
      await until(async () => {
        await pass(page, 16);
        return page.getByText("Not saved yet").isVisible();
      });
    } finally {
      await ask("thaw");
    }
    await page.getByRole("button", { name: "Try again" }).click();
    await until(
      async () => (await storedTitles(page)).filter((title) => title === "Into the ice").length === 1,
    );
    await page.getByText("Not saved yet").waitFor({ state: "detached" });
  },
);

await step(
  "a task that was just added can be completed, edited and deleted before it is stored",
  async () => {
    await ada.context.setOffline(true);
    await type(page, "Hasty");
    await page.getByRole("checkbox", { name: "Hasty" }).click();
    await edit(page, "Hasty");
    await titleField(page).fill("Hasty, edited");
    await page.keyboard.press("Enter");
    await type(page, "Never mind");
    await remove(page, "Never mind");
    await ada.context.setOffline(false);
    await until(async () => {
      const [first] = await stored(page);
      return first.title === "Hasty, edited" && first.completed;
    });
    assert.ok(!(await storedTitles(page)).includes("Never mind"));
  },
);

await twoDevices();

await step(
  "a refused change stays, with what the server said, and can be tried again or let go",
  async () => {
    await page.route("**/api/tasks", (route) =>
      route.request().method() === "POST"
        ? route.fulfill({ status: 422, json: { detail: "title: not today" } })
        : route.fallback(),
    );
    await type(page, "Refused");
    await page.getByRole("main").getByText("The server did not take this title: not today.").waitFor();
    await signOut(page);
    await page.getByRole("dialog").getByText("One change is not saved yet").waitFor();
    await page.getByRole("button", { name: "Stay" }).click();
    await page.unroute("**/api/tasks");
    await page.getByRole("button", { name: "Try again" }).click();
    await until(async () => (await storedTitles(page))[0] === "Refused");
  },
);

await step("two tabs are in step, and one finishes what the other could not send", async () => {
  const other = await ada.context.newPage();
  await other.goto("/tasks");
  await task(other, "Refused").waitFor();
  await add(page, "From the first tab");
  await task(other, "From the first tab").waitFor();
  await ada.context.setOffline(true);
  await type(other, "From the second tab");
  await task(page, "From the second tab").waitFor();
  await other.close();
  await ada.context.setOffline(false);
  await until(async () => (await storedTitles(page))[0] === "From the second tab");
  await page.getByText("Not saved yet").waitFor({ state: "detached" });
  assert.equal((await storedTitles(page)).filter((title) => title === "From the second tab").length, 1);
});

await step("a browser without room says so, and what is typed is stored all the same", async () => {
  await page.evaluate(() => {
    let size = 4_000_000;
    for (let part = 0; size > 10; part += 1) {
      try {
        localStorage.setItem(`fill ${part}`, "x".repeat(size));
      } catch {
        size = Math.floor(size / 2);
      }
    }
  });
  await ada.context.setOffline(true);
  await type(page, "No room for this one");
  await page.getByText("This browser has no room left.").waitFor();
  await ada.context.setOffline(false);
  await until(async () => (await storedTitles(page))[0] === "No room for this one");
  await page.evaluate(() => {
    for (const key of Object.keys(localStorage)) if (key.startsWith("fill ")) localStorage.removeItem(key);
  });
});

await sessionsThatEnd(ada, line);
await oddDays();

await step("10,000 tasks: a screenful of rows in the document, the last one within reach", async () => {
  const [{ user_id }] = await stored(page);
  const before = (await stored(page)).length;
  await ask({ seed: user_id, count: MANY });
  await page.reload();
  await page
    .getByRole("link", { name: /^All/ })
    .getByText(String(MANY + before))
    .waitFor();
  assert.ok((await page.getByRole("listitem").count()) < 60);
  const pace = await page.evaluate(scrollThrough);
  assert.ok((await page.getByRole("listitem").count()) < 60);
  const last = page.locator(`li[data-index="${MANY + before - 1}"]`).getByRole("checkbox");
  await last.click();
  await until(() => last.isChecked());
  await page.getByLabel("Search").fill("task 9999");
  await shows(page, ["Task 9999"]);
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

await step(
  "the kept page opens without a server, with the list as it was and what is typed then",
  async () => {
    const grace = await newPerson("Grace", { serviceWorkers: "allow" });
    await add(grace.page, "Seen before");
    await stores(grace.page, ["Seen before"]);
    await grace.page.evaluate(async () => (await navigator.serviceWorker.ready).active !== null);
    await listIsKept(grace.page);
    await grace.page.close();
    grace.page = await grace.context.newPage();
    await withoutServer(async () => {
      await grace.page.goto("/tasks");
      await shows(grace.page, ["Seen before"]);
      await type(grace.page, "Typed without a server");
      await grace.page.getByText("Not saved yet").waitFor();
    });
    await tryNow(grace.page);
    await stores(grace.page, ["Typed without a server", "Seen before"]);
    await grace.context.close();
  },
);

await step("the page never complained, whatever happened", () => withoutComplaints(ada.context));

line.close();
await finish();
