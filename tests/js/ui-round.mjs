// Components that others wrote for Better Auth (@daveyplate/better-auth-ui), in a page, against
// BASE_URL: somebody fills in their forms. Nothing but the page they stand on is ours.
//
// Environment: BASE_URL; ORIGIN (a trusted origin, http://localhost:3000 if not given); CORS=off for
// a server that leaves CORS to others, as the original does.
import { leave } from "./dom.mjs";
import { AuthUIProvider, AuthView, ChangePasswordCard, SignedIn, SignedOut, UpdateNameCard } from "@daveyplate/better-auth-ui";
import { cleanup, fireEvent, render, waitFor, within } from "@testing-library/react";
import { createAuthClient } from "better-auth/react";
import { createElement as h } from "react";
import { browser } from "./cookie-jar.mjs";
import { assert, data, finish, step } from "./steps.mjs";

const baseURL = process.env.BASE_URL;
const origin = process.env.ORIGIN ?? "http://localhost:3000";
const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
const ada = { name: "Ada", email: `ada-${unique}@example.com`, password: "Ada's password" };
const PATIENCE = { timeout: 10_000 };

const page = browser(origin, { cors: process.env.CORS !== "off" });
const client = createAuthClient({ baseURL, fetchOptions: { customFetchImpl: page.fetch } });

// A visit to one place of the site: `told` are its notices, `went` the places it leads to.
function visit(element) {
  cleanup();
  const told = [];
  const went = [];
  const props = { authClient: client, toast: ({ message }) => told.push(message), navigate: (to) => went.push(to), redirectTo: "/inside" };
  const presence = [h(SignedIn, { key: "in" }, "somebody is here"), h(SignedOut, { key: "out" }, "nobody is here")];
  const { container } = render(h(AuthUIProvider, props, h("p", null, presence), element));
  const view = within(container);
  return { container, told, went, shows: (text) => waitFor(() => view.getByText(text), PATIENCE).then(() => {}) };
}

function fillIn(container, name, value) {
  const input = container.querySelector(`input[name="${name}"]`);
  assert.ok(input, `no field ${name} in ${container.innerHTML}`);
  fireEvent.change(input, { target: { value } });
}

function send(container) {
  fireEvent.click(container.querySelector('button[type="submit"]'));
}

async function submit(visited, fields) {
  for (const [name, value] of Object.entries(fields)) fillIn(visited.container, name, value);
  send(visited.container);
  await waitFor(() => assert.ok(visited.told.length + visited.went.length > 0, "nothing happened"), PATIENCE);
}

await step("the sign-up form signs up and in", async () => {
  const visited = visit(h(AuthView, { view: "SIGN_UP" }));
  await visited.shows("nobody is here");
  await submit(visited, ada);
  assert.deepEqual([visited.told, visited.went], [[], ["/inside"]]);
  await visited.shows("somebody is here");
  const { user } = data(await client.getSession());
  assert.deepEqual([user.name, user.email], [ada.name, ada.email]);
});

await step("the sign-out view signs out", async () => {
  const visited = visit(h(AuthView, { view: "SIGN_OUT" }));
  await waitFor(() => assert.equal(visited.went.length, 1), PATIENCE);
  await visited.shows("nobody is here");
  assert.equal(page.cookies.size, 0);
});

await step("the sign-up form says in words that an address is taken", async () => {
  const visited = visit(h(AuthView, { view: "SIGN_UP" }));
  await submit(visited, ada);
  assert.deepEqual(visited.went, []);
  assert.match(visited.told[0], /already exists/i);
});

await step("the sign-in form says in words that a password is wrong", async () => {
  const visited = visit(h(AuthView, { view: "SIGN_IN" }));
  await submit(visited, { email: ada.email, password: "not her password" });
  assert.deepEqual(visited.went, []);
  assert.match(visited.told[0], /invalid email or password/i);
  await visited.shows("nobody is here");
});

await step("the sign-in form signs in", async () => {
  const visited = visit(h(AuthView, { view: "SIGN_IN" }));
  await submit(visited, { email: ada.email, password: ada.password });
  assert.deepEqual([visited.told, visited.went], [[], ["/inside"]]);
  await visited.shows("somebody is here");
  assert.equal(data(await client.getSession()).user.email, ada.email);
});

await step("the card for the name changes it", async () => {
  const visited = visit(h(UpdateNameCard));
  await waitFor(() => assert.equal(visited.container.querySelector('input[name="name"]')?.value, ada.name), PATIENCE);
  await submit(visited, { name: "Ada Lovelace" });
  assert.match(visited.told[0], /updated successfully/i);
  assert.equal(data(await client.getSession()).user.name, "Ada Lovelace");
});

await step("the card for the password changes it", async () => {
  const visited = visit(h(ChangePasswordCard));
  await waitFor(() => assert.ok(visited.container.querySelector('input[name="currentPassword"]')), PATIENCE);
  await submit(visited, { currentPassword: ada.password, newPassword: "a new password" });
  assert.match(visited.told[0], /password has been changed/i);
  data(await client.signIn.email({ email: ada.email, password: "a new password" }));
});

cleanup();
await leave();
finish();
