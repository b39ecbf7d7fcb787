// The stories of the specification, told in the page: what users do with their tasks, and with their account.
import assert from "node:assert/strict";
import { whatPeopleExpect } from "./expectations.mjs";
import {
  add,
  BASE_URL,
  edit,
  fillSignIn,
  fillSignUp,
  finish,
  newContext,
  newEmail,
  newPerson,
  openMenu,
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
  UNTRUSTED_HOST,
  until,
  withoutComplaints,
} from "./harness.mjs";

const JWT = /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/;
let ada;

await step("a stranger signs up and sees an empty list", async () => {
  const context = await newContext();
  ada = { context, page: await context.newPage(), email: newEmail("Ada"), name: "Ada" };
  await ada.page.clock.install();
  await ada.page.goto("/sign-up");
  await fillSignUp(ada.page, ada.name, ada.email);
  await ada.page.waitForURL("/tasks");
  await ada.page.getByText("Nothing to do yet").waitFor();
  assert.equal(await ada.page.title(), "Tasks · Taskward");
});

await step("three tasks that are added are three shown ones, the newest first", async () => {
  for (const title of ["One", "Two", "Three"]) await add(ada.page, title);
  await shows(ada.page, ["Three", "Two", "One"]);
  await until(async () => (await storedTitles(ada.page)).length === 3);
});

await step("every request to the tasks carries the JSON Web Token, and no address does", async () => {
  const calls = ada.context.requests.filter((request) =>
    new URL(request.url()).pathname.startsWith("/api/tasks"),
  );
  assert.ok(calls.length >= 4);
  const token = await ada.page.evaluate(() => localStorage.getItem("taskward.token"));
  for (const call of calls) {
    const sent = (await call.allHeaders()).authorization;
    assert.match(sent, JWT);
    if (call.method() === "POST") assert.equal(sent, `Bearer ${token}`);
  }
  const leaky = ada.context.requests.filter((request) =>
    /eyJ[\w-]+\.eyJ|token=|password/i.test(request.url()),
  );
  assert.deepEqual(
    leaky.map((request) => request.url()),
    [],
  );
});

await step("a title with HTML is shown as text", async () => {
  const title = `<img src=x onerror="document.title='owned'"><b>bold</b>`;
  await add(ada.page, title);
  assert.ok((await ada.page.locator("main").textContent()).includes(title));
  assert.equal(await ada.page.locator("main img, main b").count(), 0);
  await task(ada.page, title).hover();
  await task(ada.page, title)
    .getByRole("button", { name: /^Delete/ })
    .click();
  await pass(ada.page, 8);
  await stores(ada.page, ["Three", "Two", "One"]);
  await shows(ada.page, ["Three", "Two", "One"]);
});

await step("a task is edited in place, with a description", async () => {
  const { page } = ada;
  await edit(page, "Two");
  await titleField(page).fill("Two and a half");
  await page.getByLabel("Description").fill("first line\nsecond line");
  await page.getByRole("button", { name: "Save" }).click();
  await task(page, "Two and a half").getByText("second line").waitFor();
  const edited = async () => (await stored(page)).find(({ title }) => title === "Two and a half");
  await until(async () => (await edited())?.description === "first line\nsecond line");
});

await step("an edit that is cancelled changes nothing", async () => {
  const { page } = ada;
  await edit(page, "One");
  await titleField(page).fill("Something else");
  await page.keyboard.press("Escape");
  await shows(page, ["Three", "Two and a half", "One"]);
  assert.deepEqual(await storedTitles(page), ["Three", "Two and a half", "One"]);
});

await step("a title that is empty or too long is refused with a word at its field", async () => {
  const { page } = ada;
  const field = page.getByLabel("New task");
  for (const [title, complaint] of [
    ["   ", "Give the task a title."],
    ["ü".repeat(201), "At most 200 characters; this has 201."],
  ]) {
    await field.fill(title);
    await field.press("Enter");
    await page.getByText(complaint).waitFor();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.equal(
      await field.evaluate(
        (input) => document.getElementById(input.getAttribute("aria-describedby")).textContent,
      ),
      complaint,
    );
  }
  await field.fill("");
  assert.equal((await stored(page)).length, 3);
});

await step("200 characters of four bytes each are a title", async () => {
  const title = "😀".repeat(200);
  await add(ada.page, title);
  await until(async () => (await storedTitles(ada.page))[0] === title);
  await remove(ada.page, title);
  await pass(ada.page, 8);
  await until(async () => (await storedTitles(ada.page)).length === 3);
});

await step("a task is completed, and pending again", async () => {
  const { page } = ada;
  const box = page.getByRole("checkbox", { name: "One" });
  for (const completed of [true, false, true]) {
    await box.click();
    await until(async () => (await box.isChecked()) === completed);
    await until(
      async () => (await stored(page)).find(({ title }) => title === "One").completed === completed,
    );
  }
});

await step("a filter shows the tasks of that status and stays in the address", async () => {
  const { page } = ada;
  const filters = page.getByRole("navigation", { name: "Filter" });
  await filters.getByRole("link", { name: "Pending" }).click();
  await shows(page, ["Three", "Two and a half"]);
  await until(() => new URL(page.url()).search === "?status=pending");
  await filters.getByRole("link", { name: "Completed" }).click();
  await shows(page, ["One"]);
  await page.reload();
  await shows(page, ["One"]);
  await filters.getByRole("link", { name: "Completed" }).and(page.locator('[aria-current="page"]')).waitFor();
  await page.goBack();
  await shows(page, ["Three", "Two and a half"]);
  await filters.getByRole("link", { name: "All" }).click();
  await shows(page, ["Three", "Two and a half", "One"]);
});

await step("a deletion can be undone, and the server never heard of it", async () => {
  const { page } = ada;
  await remove(page, "Three");
  await shows(page, ["Two and a half", "One"]);
  await page.getByRole("button", { name: "Undo" }).click();
  await shows(page, ["Three", "Two and a half", "One"]);
  assert.equal((await storedTitles(page))[0], "Three");
});

await step("a deletion that nobody undoes is one", async () => {
  const { page } = ada;
  await remove(page, "Three");
  await page.getByText("Deleted “Three”", { exact: true }).waitFor();
  assert.ok((await storedTitles(page)).includes("Three"));
  await pass(page, 8);
  await page.getByText("Deleted “Three”", { exact: true }).waitFor({ state: "detached" });
  await until(async () => !(await storedTitles(page)).includes("Three"));
});

await step("a deletion just before the page is left is one as well", async () => {
  const { page } = ada;
  await remove(page, "One");
  await page.goto("/account");
  await stores(page, ["Two and a half"]);
  await page.goto("/tasks");
  await shows(page, ["Two and a half"]);
});

await whatPeopleExpect();

await step("two users in two browsers: neither sees nor reaches the other's tasks", async () => {
  const bob = await newPerson("Bob");
  await add(bob.page, "Bob's own");
  await shows(bob.page, ["Bob's own"]);
  assert.deepEqual(await titles(ada.page), ["Two and a half"]);
  const [foreign] = await stored(ada.page);
  const statuses = await bob.page.evaluate(async (id) => {
    const headers = {
      Authorization: `Bearer ${localStorage.getItem("taskward.token")}`,
      "Content-Type": "application/json",
    };
    const calls = [
      ["GET", ""],
      ["PUT", ""],
      ["PATCH", "/complete"],
      ["DELETE", ""],
    ];
    const answer = ([method, end]) =>
      fetch(`/api/tasks/${id}${end}`, {
        method,
        headers,
        body: method === "PUT" ? '{"title": "mine"}' : undefined,
      });
    return (await Promise.all(calls.map(answer))).map(({ status }) => status);
  }, foreign.id);
  assert.deepEqual(statuses, [404, 404, 404, 404]);
  assert.deepEqual(await storedTitles(ada.page), ["Two and a half"]);
  await bob.context.close();
});

await step("signing out leads to the sign-in page and leaves no token behind", async () => {
  const { page } = ada;
  await signOut(page);
  await page.waitForURL("/sign-in");
  assert.equal(await page.evaluate(() => localStorage.getItem("taskward.token")), null);
  await page.goto("/account");
  await page.waitForURL("/sign-in?next=/account");
});

await step("a wrong password is refused with a sentence", async () => {
  await fillSignIn(ada.page, ada.email, "not the password");
  await ada.page.getByRole("alert").getByText("The e-mail address or the password is wrong.").waitFor();
});

await step("signing in leads on to where one wanted to go, and the tasks are there", async () => {
  await fillSignIn(ada.page, ada.email);
  await ada.page.waitForURL("/account");
  await ada.page.getByRole("link", { name: "Tasks" }).click();
  await shows(ada.page, ["Two and a half"]);
});

await step("nobody is led to another site after signing in", async () => {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto("/sign-in?next=https://example.org/");
  await fillSignIn(page, ada.email);
  await page.waitForURL("/tasks");
  await context.close();
});

await step("what is wrong with a sign-up stands at its field", async () => {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto("/sign-up");
  await fillSignUp(page, "Eve", "nonsense", "short");
  await page.getByText("Enter a whole e-mail address").waitFor();
  await until(() => page.evaluate(() => document.activeElement.getAttribute("name") === "email"));
  await fillSignUp(page, "Eve", ada.email);
  await page.getByText("There is an account with this address already").waitFor();
  await withoutComplaints(context);
  await context.close();
});

await step("at an address that the server does not trust, the page says what to do", async () => {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto(BASE_URL.replace("127.0.0.1", UNTRUSTED_HOST).concat("/sign-up"));
  await fillSignUp(page, "Eve", "eve@example.com");
  await page.getByRole("alert").getByText("BETTER_AUTH_URL").waitFor();
  await context.close();
});

await step("a name is changed", async () => {
  const { page } = ada;
  await openMenu(page);
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.getByRole("button", { name: "Save name" }).click();
  await page.getByText("Your name is saved.").waitFor();
  await page.reload();
  await until(async () => (await page.getByLabel("Name").inputValue()) === "Ada Lovelace");
});

await step("a session elsewhere is listed, and ended from here", async () => {
  const elsewhere = await newContext({
    userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  });
  const there = await elsewhere.newPage();
  await there.goto("/sign-in");
  await fillSignIn(there, ada.email);
  await shows(there, ["Two and a half"]);
  await ada.page.reload();
  await ada.page.getByRole("button", { name: "Sign out Firefox on Linux" }).click();
  await ada.page.getByText("Firefox on Linux").waitFor({ state: "detached" });
  await there.reload();
  await there.waitForURL("/sign-in?ended=1");
  await elsewhere.close();
});

await step("a password is changed: the new one signs in, the old one does not", async () => {
  const { page } = ada;
  await page.getByLabel("Current password").fill("wrong");
  await page.getByLabel("New password").fill("a whole new password");
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("This is not your password.").waitFor();
  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByLabel("New password").fill("a whole new password");
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("Your password is changed.").waitFor();
  await signOut(page);
  await page.waitForURL(/sign-in/);
  await fillSignIn(page, ada.email);
  await page.getByText("The e-mail address or the password is wrong.").waitFor();
  await fillSignIn(page, ada.email, "a whole new password");
  await page.waitForURL((url) => ["/account", "/tasks"].includes(url.pathname));
});

await step(
  "an account is deleted, after its password was asked for, and nobody can sign in to it",
  async () => {
    const { page } = ada;
    await page.goto("/account");
    await page.getByRole("button", { name: "Delete account…" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Delete account…" }).click();
    await page.getByLabel("Your password").fill("wrong");
    await page.getByRole("button", { name: "Delete for good" }).click();
    await page.getByRole("dialog").getByText("This is not your password.").waitFor();
    await page.getByLabel("Your password").fill("a whole new password");
    await page.getByRole("button", { name: "Delete for good" }).click();
    await page.waitForURL(/sign-in/);
    await fillSignIn(page, ada.email, "a whole new password");
    await page.getByText("The e-mail address or the password is wrong.").waitFor();
  },
);

await step("a forgotten password: who can help, and how", async () => {
  await ada.page.goto("/sign-in");
  await ada.page.getByText("Forgotten your password?").click();
  await ada.page.getByText("taskward set-password EMAIL").waitFor();
});

await step("nothing is loaded ahead that nobody asked for, and nothing twice", async () => {
  const context = await newContext();
  const page = await context.newPage();
  for (const path of ["/", "/sign-in"]) {
    context.requests.length = 0;
    await page.goto(path, { waitUntil: "networkidle" });
    const paths = context.requests.map((request) => new URL(request.url()).pathname);
    assert.equal(new Set(paths).size, paths.length);
    assert.deepEqual(
      paths.filter((one) => /\.txt$|_rsc/.test(one)),
      [],
    );
    if (path === "/")
      assert.deepEqual(
        paths.filter((one) => /\.js$|^\/api\//.test(one)),
        [],
      );
  }
  await withoutComplaints(context);
  await context.close();
});

await step("an unknown address is a page that says so", async () => {
  const answer = await ada.page.goto("/no/such/page");
  assert.equal(answer.status(), 404);
  await ada.page.getByRole("heading", { name: "There is no such page" }).waitFor();
});

await step("of plugins that the server does not have nothing is shown, asked for or loaded", async () => {
  const { context, page, email } = await newPerson("Nora");
  await signOut(page);
  await page.goto("/sign-in?next=/account");
  await fillSignIn(page, email);
  await page.getByText("this one").waitFor();
  assert.equal(await page.getByRole("region", { name: /Passkeys|Two-step sign-in/ }).count(), 0);
  const urls = context.requests.map((request) => request.url());
  const texts = await Promise.all(
    urls.filter((url) => url.endsWith(".js")).map(async (url) => (await fetch(url)).text()),
  );
  assert.deepEqual(
    [...urls, ...texts].filter((text) => /\/api\/auth\/(?:two-factor|passkey)\//.test(text)),
    [],
  );
  await context.close();
});

await step("no page broke the policy or complained", () => withoutComplaints(ada.context));

await finish();
