// Sessions that end, one person after another in one browser, and a page without TLS.
import assert from "node:assert/strict";
import { endSession, KEY, type } from "./faults.mjs";
import {
  add,
  edit,
  fillSignIn,
  fillSignUp,
  newContext,
  newEmail,
  newPerson,
  PLAIN_HOST,
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
  until,
  withoutComplaints,
} from "./harness.mjs";

/** Sessions that end; `ada` is at the end of `line`. */
export async function sessionsThatEnd(ada, line) {
  const { page } = ada;
  await step(
    "deleted, and signed out before that could be sent: it is deleted, and nothing is left to be seen",
    async () => {
      await remove(page, "Refused");
      await page.getByText("Deleted “Refused”").waitFor();
      await signOut(page);
      await page.waitForURL(`${line.url}/sign-in`);
      assert.equal(await page.getByText("Refused").count(), 0);
      assert.equal(await page.evaluate((key) => localStorage.getItem(key), KEY), null);
      await fillSignIn(page, ada.email);
      await task(page, "From the second tab").waitFor();
      assert.ok(!(await storedTitles(page)).includes("Refused"));
    },
  );

  await step("a session ends while one types: one is told, and goes on after signing in", async () => {
    await edit(page, "From the first tab");
    await titleField(page).fill("Half an edit");
    await page.getByLabel("New task").fill("Half a sent");
    await endSession(ada);
    await page.getByRole("checkbox", { name: "From the second tab" }).click();
    await page.getByText("You were signed out. What you typed is kept").waitFor();
    assert.equal(await page.getByText("From the second tab").count(), 0);
    await fillSignIn(page, ada.email);
    await until(async () => (await page.getByLabel("New task").inputValue()) === "Half a sent");
    await until(async () => (await titleField(page).inputValue()) === "Half an edit");
    await titleField(page).press("Enter");
    const isDone = ({ title, completed }) => title === "From the second tab" && completed;
    await until(async () => (await stored(page)).some(isDone));
    await until(async () => (await storedTitles(page)).includes("Half an edit"));
  });

  await step("what one person typed is never the next person's, and is kept for the first", async () => {
    await page.getByLabel("New task").fill("");
    await endSession(ada);
    await type(page, "Ada's alone");
    await page.getByText("You were signed out.").waitFor();
    await page.goto("/sign-up");
    await fillSignUp(page, "Bob", newEmail("Bob"));
    await page.getByText("Nothing to do yet").waitFor();
    await add(page, "Bob's alone");
    await stores(page, ["Bob's alone"]);
    await shows(page, ["Bob's alone"]);
    await signOut(page);
    await page.waitForURL(`${line.url}/sign-in`);
    await fillSignIn(page, ada.email);
    await until(async () => (await storedTitles(page))[0] === "Ada's alone");
    assert.ok(!(await titles(page)).includes("Bob's alone"));
  });

  await step("a page without TLS, where browsers have no locks, loses nothing either", async () => {
    const strangers = await newContext({ baseURL: line.url.replace("127.0.0.1", PLAIN_HOST) });
    const visited = await strangers.newPage();
    await visited.goto("/sign-up");
    await fillSignUp(visited, "Ines", newEmail("Ines"));
    await visited.getByText("Nothing to do yet").waitFor();
    assert.equal(await visited.evaluate(() => "locks" in navigator), false);
    await strangers.setOffline(true);
    await type(visited, "Plainly");
    await visited.getByText("Not saved yet").waitFor();
    await visited.close();
    await strangers.setOffline(false);
    const again = await strangers.newPage();
    await again.goto("/tasks");
    await stores(again, ["Plainly"]);
    // Browsers complain that such a page cannot be isolated as it asks to be.
    assert.deepEqual(
      strangers.complaints.filter((text) => !text.includes("Cross-Origin-Opener-Policy")),
      [],
    );
    await strangers.close();
  });

  await step("signing out in one tab signs out the other", async () => {
    const grace = await newPerson("Grace");
    const other = await grace.context.newPage();
    await other.goto("/tasks");
    await other.getByText("Nothing to do yet").waitFor();
    await signOut(grace.page);
    await grace.page.waitForURL("/sign-in");
    await other.waitForURL(/sign-in/);
    await withoutComplaints(grace.context);
    await grace.context.close();
  });
}
