// How a person connects an assistant: from the client's redirect to its first tool call, and how they end it. The
// client is a program of its own here: it registers itself, waits for its answer on this machine, and calls /mcp.
import assert from "node:assert/strict";
import {
  BASE_URL,
  fillSignIn,
  finish,
  newContext,
  newEmail,
  newPerson,
  PASSWORD,
  signOut,
  step,
  storedTitles,
  until,
} from "./harness.mjs";
import { addressFor, newClient, RESOURCE } from "./oauth-client.mjs";

async function answerOf(client) {
  await until(async () => client.answers.length > 0);
  return client.answers.shift();
}

async function tokens(client, given) {
  return fetch(`${BASE_URL}/api/auth/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({ client_id: client.id, resource: RESOURCE, ...given }),
  });
}

async function callTool(token, name, args) {
  const response = await fetch(RESOURCE, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } }),
  });
  return { status: response.status, body: await response.json() };
}

const allow = (page) => page.getByRole("button", { name: "Allow" });
const deny = (page) => page.getByRole("button", { name: "Deny" });

const client = await newClient("Claude <b>Desktop</b>");
const ada = await newPerson("Ada");
let refreshToken = "";

await step(
  "whoever is not signed in signs in first, and is then asked: by whom, for what, to where",
  async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(addressFor(client, "first"));
    await page.waitForURL(/\/sign-in\?/);
    await fillSignIn(page, ada.email);
    await page.waitForURL(/\/consent\?/);
    await page.getByRole("heading", { name: `Connect ${client.name}?` }).waitFor();
    await page.getByText("not verified").waitFor();
    await page.getByRole("main").getByText(ada.email).waitFor();
    for (const wish of ["see your tasks", "add, change and delete your tasks", "stay connected for 30 days"])
      await page.getByRole("listitem").filter({ hasText: wish }).waitFor();
    await page
      .getByText(`The answer goes to ${new URL(client.redirect).host}, a program on this device`)
      .waitFor();
    await allow(page).click();
    const answer = await answerOf(client);
    assert.equal(answer.get("state"), "first");
    assert.equal(answer.get("iss"), `${BASE_URL}/api/auth`);
    const response = await tokens(client, {
      grant_type: "authorization_code",
      code: answer.get("code"),
      redirect_uri: client.redirect,
      code_verifier: client.verifier,
    });
    assert.equal(response.status, 200, await response.clone().text());
    const { access_token: token, refresh_token: refresh } = await response.json();
    refreshToken = refresh;
    const { status, body } = await callTool(token, "add_task", { title: "From the assistant" });
    assert.equal(status, 200, JSON.stringify(body));
    await until(async () => (await storedTitles(ada.page))[0] === "From the assistant");
    assert.deepEqual(context.complaints, []);
    await context.close();
  },
);

await step(
  "the question is not kept by anybody, framed by nobody, and tells nobody where it was",
  async () => {
    const { headers } = await fetch(`${BASE_URL}/consent`);
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.match(headers.get("content-security-policy"), /frame-ancestors 'none'/);
  },
);

await step("who has allowed it once is not asked again", async () => {
  await ada.page.goto(addressFor(client, "again"));
  assert.equal((await answerOf(client)).get("state"), "again");
});

await step("a denial is an answer too, and Deny weighs as much as Allow", async () => {
  const other = await newClient("Cursor");
  await ada.page.goto(addressFor(other, "no"));
  await ada.page.getByRole("heading", { name: "Connect Cursor?" }).waitFor();
  const [one, two] = [await deny(ada.page).boundingBox(), await allow(ada.page).boundingBox()];
  assert.deepEqual([one.width, one.height], [two.width, two.height]);
  assert.equal(await deny(ada.page).getAttribute("class"), await allow(ada.page).getAttribute("class"));
  await deny(ada.page).focus();
  await ada.page.keyboard.press("Enter");
  const answer = await answerOf(other);
  assert.equal(answer.get("error"), "access_denied");
  assert.equal(answer.get("code"), null);
  await ada.page.waitForURL(`${other.redirect}?**`);
  other.server.close();
});

await step(
  "an address that was tampered with is not answered, and one without a question asks nothing",
  async () => {
    const other = await newClient("Mallory");
    await ada.page.goto(addressFor(other, "x"));
    await ada.page.getByRole("heading", { name: "Connect Mallory?" }).waitFor();
    const wrong = new URL(ada.page.url());
    wrong.searchParams.set("scope", "openid tasks:read");
    await ada.page.goto(wrong.href);
    await allow(ada.page).click();
    await ada.page.getByText("This request is no longer valid").waitFor();
    assert.equal(other.answers.length, 0);
    await ada.page.goto("/consent");
    await ada.page.getByText("Apps open this page").waitFor();
    other.server.close();
  },
);

await step(
  "whoever is somebody else here signs in as themselves, and a new person signs up on the way",
  async () => {
    const other = await newClient("VS Code");
    const bob = await newPerson("Bob");
    await bob.page.goto(addressFor(other, "bob"));
    await bob.page.getByRole("button", { name: "Not you?" }).click();
    await bob.page.waitForURL(/\/sign-in\?/);
    await bob.page.getByRole("link", { name: "Create an account" }).click();
    await bob.page.waitForURL(/\/sign-up\?/);
    const email = newEmail("Cleo");
    await bob.page.getByLabel("Name").fill("Cleo");
    await bob.page.getByLabel("E-mail").fill(email);
    await bob.page.getByLabel("Password").fill(PASSWORD);
    await bob.page.getByRole("button", { name: "Create account" }).click();
    await bob.page.waitForURL(/\/consent\?/);
    await bob.page.getByRole("main").getByText(email).waitFor();
    await allow(bob.page).click();
    assert.ok((await answerOf(other)).get("code"));
    other.server.close();
    await bob.context.close();
  },
);

await step(
  "the account page names what is connected, and ends it: the client gets no new tokens",
  async () => {
    await ada.page.goto("/account");
    await ada.page.getByText(client.name).waitFor();
    await ada.page.getByText("May know that it is you").waitFor();
    await ada.page.getByText(`${BASE_URL}/mcp`).waitFor();
    await ada.page.getByRole("button", { name: `Disconnect ${client.name}` }).click();
    await ada.page.getByText("No app is connected.").waitFor();
    const response = await tokens(client, { grant_type: "refresh_token", refresh_token: refreshToken });
    assert.equal(response.status, 400, await response.text());
    await ada.page.goto(addressFor(client, "later"));
    await ada.page.getByRole("heading", { name: `Connect ${client.name}?` }).waitFor();
  },
);

await step("a session that has ended while the question was open is asked for again", async () => {
  const { page } = ada;
  const tab = await ada.context.newPage();
  await tab.goto("/tasks");
  await signOut(tab);
  await tab.waitForURL("/sign-in");
  await page.reload();
  await page.waitForURL(/\/sign-in\?.*sig=/);
});

client.server.close();
await finish();
