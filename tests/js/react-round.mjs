// The stock client's React hooks in a page, against BASE_URL: what a component shows of the session.
//
// Environment: BASE_URL; ORIGIN (a trusted origin, http://localhost:3000 if not given); CORS=off for
// a server that leaves CORS to others, as the original does.
import { leave } from "./dom.mjs";
import { cleanup, render, waitFor, within } from "@testing-library/react";
import { createAuthClient } from "better-auth/react";
import { createElement } from "react";
import { browser } from "./cookie-jar.mjs";
import { assert, data, finish, step } from "./steps.mjs";

const baseURL = process.env.BASE_URL;
const origin = process.env.ORIGIN ?? "http://localhost:3000";
const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
const ada = { name: "Ada", email: `ada-${unique}@example.com`, password: "Ada's password" };
const PATIENCE = { timeout: 10_000 };

function newPage() {
  return browser(origin, { cors: process.env.CORS !== "off" });
}

function clientOf(page) {
  return createAuthClient({ baseURL, fetchOptions: { customFetchImpl: page.fetch } });
}

// A component that shows who is signed in; `held` is what the hook gave it last.
function mount(client) {
  const held = { renders: 0 };
  function Who() {
    const session = client.useSession();
    Object.assign(held, session, { renders: held.renders + 1 });
    if (session.isPending) return createElement("p", null, "one moment");
    return createElement("p", null, session.data ? `${session.data.user.name} is here` : "nobody is here");
  }
  const view = within(render(createElement(Who)).container);
  const shows = (text) => waitFor(() => view.getByText(text), PATIENCE).then(() => {});
  return { held, shows, view };
}

const page = newPage();
const client = clientOf(page);
const elsewhere = clientOf(newPage());
const who = mount(client);

await step("a component is told to wait before the first answer", () => {
  assert.equal(who.held.isPending, true);
  who.view.getByText("one moment");
});

await step("a component shows nobody when nobody is signed in", async () => {
  await who.shows("nobody is here");
  assert.deepEqual([who.held.data, who.held.error, who.held.isPending], [null, null, false]);
});

await step("a component shows the user after signUp", async () => {
  const { user } = data(await client.signUp.email(ada));
  await who.shows("Ada is here");
  assert.equal(who.held.data.user.id, user.id);
  assert.equal(who.held.data.session.userId, user.id);
});

await step("a hook's dates are Date objects", () => {
  const { session, user } = who.held.data;
  for (const date of [session.expiresAt, session.createdAt, user.createdAt, user.updatedAt]) assert.ok(date instanceof Date);
  assert.ok(session.expiresAt > new Date());
});

await step("a component shows the new name after updateUser", async () => {
  data(await client.updateUser({ name: "Ada Lovelace" }));
  await who.shows("Ada Lovelace is here");
});

await step("refetch shows what was changed elsewhere", async () => {
  data(await elsewhere.signIn.email(ada));
  data(await elsewhere.updateUser({ name: "Countess Lovelace" }));
  who.view.getByText("Ada Lovelace is here");
  await who.held.refetch();
  await who.shows("Countess Lovelace is here");
});

await step("a page that is loaded again shows the user whose cookies it kept", async () => {
  await mount(clientOf(page)).shows("Countess Lovelace is here");
});

await step("a second component of the same client shows the same", async () => {
  const second = mount(client);
  await second.shows("Countess Lovelace is here");
  assert.equal(second.held.data.session.id, who.held.data.session.id);
});

await step("a component shows nobody after signOut", async () => {
  data(await client.signOut());
  await who.shows("nobody is here");
  assert.equal(page.cookies.size, 0);
});

await step("a refused signIn leaves nobody there", async () => {
  const answer = await client.signIn.email({ ...ada, password: "not her password" });
  assert.deepEqual([answer.error.status, answer.error.code], [401, "INVALID_EMAIL_OR_PASSWORD"]);
  await who.held.refetch();
  await who.shows("nobody is here");
});

await step("a component shows the user after signIn", async () => {
  data(await client.signIn.email(ada));
  await who.shows("Countess Lovelace is here");
});

await step("a session that is revoked elsewhere is gone at the next refetch", async () => {
  data(await elsewhere.revokeOtherSessions());
  await who.held.refetch();
  await who.shows("nobody is here");
});

await step("a component shows nobody after deleteUser", async () => {
  const other = mount(elsewhere);
  await other.shows("Countess Lovelace is here");
  data(await elsewhere.deleteUser({ password: ada.password }));
  await other.shows("nobody is here");
});

cleanup();
await leave();
finish();
