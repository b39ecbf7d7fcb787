// The shortest of the stories, for those who run the tests again and again: sign up, add, come back, sign out.
import assert from "node:assert/strict";
import {
  add,
  fillSignIn,
  fillSignUp,
  finish,
  newContext,
  newEmail,
  shows,
  signOut,
  step,
  stores,
  withoutComplaints,
} from "./harness.mjs";

const context = await newContext();
const page = await context.newPage();
const email = newEmail("Ada");

await step("a stranger signs up and sees an empty list", async () => {
  await page.goto("/sign-up");
  await fillSignUp(page, "Ada", email);
  await page.waitForURL("/tasks");
  await page.getByText("Nothing to do yet").waitFor();
});

await step("tasks that are added are shown and stored, the newest first", async () => {
  for (const title of ["One", "Two"]) await add(page, title);
  await shows(page, ["Two", "One"]);
  await stores(page, ["Two", "One"]);
});

await step("they are there after the page is loaded anew", async () => {
  await page.reload();
  await shows(page, ["Two", "One"]);
});

await step("signing out leads to the sign-in page and leaves no token behind", async () => {
  await signOut(page);
  await page.waitForURL("/sign-in");
  assert.equal(await page.evaluate(() => localStorage.getItem("taskward.token")), null);
});

await step("signing in leads back to the tasks", async () => {
  await fillSignIn(page, email);
  await page.waitForURL("/tasks");
  await shows(page, ["Two", "One"]);
  await withoutComplaints(context);
});

await finish();
