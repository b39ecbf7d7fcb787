// The ways in beyond a password, of a server that has the plugins two-factor and passkey: an authenticator app (its
// codes are computed here) and passkeys (of Chromium's virtual authenticator, which stands for somebody's device).
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { codeOf, virtualAuthenticator } from "./authenticator.mjs";
import {
  BASE_URL,
  fillSignIn,
  finish,
  newContext,
  newPerson,
  PASSWORD,
  signOut,
  step,
  until,
  withoutComplaints,
} from "./harness.mjs";
import { overhang, SCHEMES, settled, shift, violations } from "./judging.mjs";
import { addressFor, newClient } from "./oauth-client.mjs";

const SHIFT_MAX = 0.02;
const WRONG = "000000";

/** Whatever it shows: axe finds nothing in light and dark, and nothing sticks out on a small phone. */
async function looksRight(page) {
  const before = page.viewportSize();
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme });
    await settled(page, scheme);
    for (const width of [320, 390]) {
      await page.setViewportSize({ width, height: 760 });
      assert.ok((await overhang(page)) <= 0, `${width} pixels are not enough`);
    }
    assert.deepEqual(await violations(page), []);
  }
  await page.setViewportSize(before);
}

const main = (page) => page.getByRole("main");
const button = (page, name) => main(page).getByRole("button", { name, exact: true });
const isFocused = (locator) => until(() => locator.evaluate((one) => one === document.activeElement));
const section = (page, name) => page.getByRole("region", { name });
const secondStep = (page) => page.getByRole("heading", { name: "One more step" }).waitFor();

/** Sign out, and be about to sign in again, to go on there. */
async function leave(page, next = "/tasks") {
  await signOut(page);
  await page.waitForURL(/\/sign-in/);
  await page.goto(`/sign-in?next=${next}`);
}

async function signInWith(page, code, label = "Code") {
  await page.getByLabel(label, { exact: true }).fill(code);
  await button(page, "Sign in").click();
}

const ada = await newPerson("Ada", { permissions: ["clipboard-read", "clipboard-write"] });
const { page, email } = ada;
let secret = "";
let codes = [];

await step(
  "two-step sign-in is turned on with the keyboard alone, and the picture holds the secret",
  async () => {
    await page.goto("/account");
    await button(page, "Turn on…").waitFor();
    await page.getByText("this one").waitFor();
    assert.ok((await shift(page)) < SHIFT_MAX);
    await button(page, "Turn on…").press("Enter");
    const password = page.getByLabel("Your password");
    await isFocused(password);
    await page.keyboard.type("not this one");
    await page.keyboard.press("Enter");
    await page.getByText("This is not your password.").waitFor();
    await isFocused(password);
    await password.fill(PASSWORD);
    await page.keyboard.press("Enter");
    const code = page.getByLabel("Code", { exact: true });
    await isFocused(code);
    await page.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
    const link = new URL(await page.getByRole("link", { name: "open the app" }).getAttribute("href"));
    secret = link.searchParams.get("secret");
    assert.equal(link.searchParams.get("issuer"), "Taskward");
    assert.equal(
      (await section(page, "Two-step sign-in").locator("code").textContent()).replaceAll(" ", ""),
      secret,
    );
    await looksRight(page);
    await page.keyboard.type("12 34");
    await page.keyboard.press("Enter");
    await page.getByText("Enter the six digits that the app shows.").waitFor();
    await code.fill(WRONG);
    await page.keyboard.press("Enter");
    await page.getByText("This code is wrong or too old.").waitFor();
    assert.equal(await code.getAttribute("aria-invalid"), "true");
    await code.fill(codeOf(secret));
    await page.keyboard.press("Enter");
  },
);

await step("the backup codes are shown once, to be copied and downloaded", async () => {
  await isFocused(page.getByRole("heading", { name: "Your backup codes" }));
  codes = await page.getByRole("list", { name: "Backup codes" }).getByRole("listitem").allTextContents();
  assert.equal(new Set(codes).size, 10);
  await looksRight(page);
  await button(page, "Copy").click();
  await page.getByText("The backup codes are copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes.join("\n"));
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Download").click()]);
  const text = await readFile(await download.path(), "utf8");
  assert.ok(codes.every((code) => text.includes(code)));
  await button(page, "I have kept them").press("Enter");
  await isFocused(button(page, "New backup codes…"));
  await page.reload();
  await page.getByText("It is on.").waitFor();
  await page.getByText("this one").waitFor();
  assert.equal(await page.getByText(codes[0]).count(), 0);
});

await step("after the password comes the code, and then the page that was wanted", async () => {
  await leave(page, "/account");
  await fillSignIn(page, email);
  await secondStep(page);
  const code = page.getByLabel("Code", { exact: true });
  await isFocused(code);
  assert.equal(await code.getAttribute("autocomplete"), "one-time-code");
  assert.equal(await code.getAttribute("inputmode"), "numeric");
  await signInWith(page, WRONG);
  await page.getByText("This code is wrong or too old.").waitFor();
  await isFocused(code);
  await looksRight(page);
  await code.fill(` ${codeOf(secret).replace(/(...)/, "$1 ")}`);
  await page.keyboard.press("Enter");
  await page.waitForURL("/account");
  await page.getByText("It is on.").waitFor();
});

await step(
  "with the server away or too busy the second step says so, and its button works again",
  async () => {
    await leave(page);
    await fillSignIn(page, email);
    await secondStep(page);
    await ada.context.setOffline(true);
    await signInWith(page, codeOf(secret));
    await page.getByText("The server cannot be reached. Try again in a moment.").waitFor();
    await ada.context.setOffline(false);
    await page.route("**/two-factor/verify-totp", (route) => route.fulfill({ status: 429, json: {} }), {
      times: 1,
    });
    await signInWith(page, codeOf(secret));
    await page.getByText("Too many attempts. Wait a little, then try again.").waitFor();
    await signInWith(page, codeOf(secret));
    await page.waitForURL("/tasks");
  },
);

await step("a backup code opens once", async () => {
  const enterBackupCode = async () => {
    await leave(page);
    await fillSignIn(page, email);
    await secondStep(page);
    await button(page, "Use a backup code instead").click();
    await isFocused(page.getByLabel("Backup code"));
    await signInWith(page, codes[0], "Backup code");
  };
  await enterBackupCode();
  await page.waitForURL("/tasks");
  await enterBackupCode();
  await page.getByText("This is none of your backup codes, or it was used already.").waitFor();
});

await step("a step that has taken too long leads back to the password, and the address is kept", async () => {
  await ada.context.clearCookies({ name: /two_factor/ });
  await signInWith(page, codes[1], "Backup code");
  await page.getByText("That took too long. Enter your password again.").waitFor();
  assert.equal(await page.getByLabel("E-mail").inputValue(), email);
  await isFocused(page.getByLabel("Password"));
});

await step("so do too many wrong codes", async () => {
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await secondStep(page);
  const answers = [];
  page.on("response", (response) => response.url().endsWith("/verify-totp") && answers.push(response));
  for (let wrong = 1; wrong <= 6; wrong += 1) {
    await signInWith(page, WRONG);
    await until(() => answers.length === wrong);
    if (wrong <= 5) await button(page, "Sign in").and(page.locator(":enabled")).waitFor();
  }
  await page.getByText("Too many wrong codes. Enter your password again.").waitFor();
});

await step("a device that is trusted is asked for no code again", async () => {
  await fillSignIn(page, email);
  await secondStep(page);
  await page.getByLabel("Ask for no code on this device").check();
  await signInWith(page, codeOf(secret));
  await page.waitForURL("/tasks");
  await leave(page);
  await fillSignIn(page, email);
  await page.waitForURL("/tasks");
});

await step("whoever signs in for an app in two steps is then asked about the app", async () => {
  const client = await newClient("Claude Desktop");
  const elsewhere = await newContext();
  const other = await elsewhere.newPage();
  await other.goto(addressFor(client, "x"));
  await fillSignIn(other, email);
  await secondStep(other);
  await signInWith(other, codeOf(secret));
  await other.waitForURL(/\/consent\?/);
  await other.getByRole("heading", { name: "Connect Claude Desktop?" }).waitFor();
  client.server.close();
  await elsewhere.close();
});

await step("new backup codes take the place of the old ones", async () => {
  await page.goto("/account");
  await button(page, "New backup codes…").click();
  await page.getByText("good for nothing then").waitFor();
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  const list = page.getByRole("list", { name: "Backup codes" }).getByRole("listitem");
  await list.first().waitFor();
  const fresh = await list.allTextContents();
  assert.deepEqual([fresh.length, fresh.filter((code) => codes.includes(code))], [10, []]);
  await button(page, "I have kept them").click();
});

await step("it is turned off again", async () => {
  await button(page, "Turn off…").click();
  await page.getByLabel("Your password").fill(PASSWORD);
  await button(page, "Turn off").click();
  await page.getByText("Two-step sign-in is off.").waitFor();
  await isFocused(button(page, "Turn on…"));
});

const { devtools, authenticatorId } = await virtualAuthenticator(ada.context, page);
const passkeys = section(page, "Passkeys");

/** Whether somebody is there who touches the device: then what is offered at the field is taken at once. */
async function present(enabled) {
  await devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
}

await step("a passkey is added with a name, and not twice on one device", async () => {
  await page.goto("/account");
  await button(page, "Add a passkey").click();
  await passkeys.getByText("Chrome on Linux", { exact: true }).waitFor();
  await passkeys.getByText(/^Added /).waitFor();
  await button(page, "Add a passkey").click();
  await page.getByText("This device has a passkey for your account already.").waitFor();
});

await step("it is renamed with the keyboard", async () => {
  await button(page, "Rename Chrome on Linux").press("Enter");
  const name = page.getByLabel("New name");
  await isFocused(name);
  await name.fill("");
  await page.keyboard.press("Enter");
  await page.getByText("Enter a name.").waitFor();
  await looksRight(page);
  await page.keyboard.type("מפתח the laptop");
  await page.keyboard.press("Enter");
  await isFocused(button(page, "Rename מפתח the laptop"));
});

await step("somebody signs in with it alone, to where they were", async () => {
  await present(false);
  await leave(page, "/account");
  await button(page, "Sign in with a passkey").waitFor();
  assert.ok((await shift(page)) < SHIFT_MAX);
  assert.equal(await page.getByLabel("E-mail").getAttribute("autocomplete"), "username webauthn");
  await looksRight(page);
  await present(true);
  await button(page, "Sign in with a passkey").click();
  await page.waitForURL("/account");
});

await step(
  "it is offered at the field too; whoever signs in so for an app is then asked about the app",
  async () => {
    const client = await newClient("Cursor");
    await present(false);
    await signOut(page);
    await page.waitForURL(/\/sign-in/);
    await present(true);
    await page.goto(addressFor(client, "x"));
    await page.getByRole("heading", { name: "Connect Cursor?" }).waitFor();
    client.server.close();
  },
);

await step("a passkey is removed after a question, and opens nothing any more", async () => {
  await page.goto("/account");
  await button(page, "Remove מפתח the laptop").press("Enter");
  await page.getByRole("heading", { name: "Remove מפתח the laptop?" }).waitFor();
  await looksRight(page);
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("Removed מפתח the laptop.").waitFor();
  await isFocused(button(page, "Add a passkey"));
  assert.equal(await passkeys.getByRole("listitem").count(), 0);
  await present(false);
  await signOut(page);
  await button(page, "Sign in with a passkey").waitFor();
  await present(true);
  await button(page, "Sign in with a passkey").click();
  await page.getByText("The server does not know this passkey: it was removed there.").waitFor();
  await present(false);
});

await step("when none is given it says so", async () => {
  await devtools.send("WebAuthn.clearCredentials", { authenticatorId });
  await page.goto("/sign-in");
  await present(true);
  await button(page, "Sign in with a passkey").click();
  await page.getByText("No passkey was given: it was cancelled, or took too long.").waitFor();
});

await step(
  "where there are none, or not for this address, it says so, and the password still opens",
  async () => {
    await page.goto(BASE_URL.replace("localhost", "127.0.0.1").concat("/sign-in"));
    await button(page, "Sign in with a passkey").click();
    await page.getByText("There are no passkeys for this address.").waitFor();
    const old = await newContext();
    await old.addInitScript(() => {
      delete window.PublicKeyCredential;
    });
    const bare = await old.newPage();
    await bare.goto("/sign-in");
    await bare.getByText("This browser has no passkeys for this address.").waitFor();
    await fillSignIn(bare, email);
    await bare.waitForURL("/tasks");
    await old.close();
  },
);

await step("all of it without complaints", () => withoutComplaints(ada.context));

await finish();
