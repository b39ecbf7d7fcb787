// The stock client's plugins passkey and twoFactor, unmodified, in Chromium, whose virtual authenticator
// stands for the user's device.
//
// Environment: SERVER_URL, where the server is; PORT, where the page is to be, on localhost, and the server's
// public address with it, because browsers have no passkeys for an IP address; CHROMIUM, the browser's program;
// FRONTEND, whose node_modules have the browser's driver and the bundler.
import { once } from "node:events";
import http from "node:http";
import { createRequire } from "node:module";
import { base32 } from "@better-auth/utils/base32";
import { createOTP } from "@better-auth/utils/otp";
import { assert, finish, step } from "./steps.mjs";

const require = createRequire(`${process.env.FRONTEND}/package.json`);
const { chromium } = require("playwright-core");
const esbuild = require("esbuild");
const SERVER = new URL(process.env.SERVER_URL);
const ORIGIN = `http://localhost:${process.env.PORT}`;
const PASSWORD = "correct horse battery staple";
const email = `ada-${Date.now().toString(36)}@example.com`;

const PAGE = `<!doctype html><title>A page</title><input autocomplete="username webauthn"><script src="/client.js"></script>`;
const CLIENT = `
  import { createAuthClient } from "better-auth/client";
  import { twoFactorClient } from "better-auth/client/plugins";
  import { passkeyClient } from "@better-auth/passkey/client";
  window.client = createAuthClient({ plugins: [passkeyClient(), twoFactorClient()] });
`;

const bundled = await esbuild.build({
  stdin: { contents: CLIENT, resolveDir: import.meta.dirname },
  bundle: true,
  format: "iife",
  platform: "browser",
  write: false,
  logLevel: "error",
});

function forward(request, response) {
  const { method, headers } = request;
  const onward = http.request({ host: SERVER.hostname, port: SERVER.port, path: request.url, method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

const site = http.createServer((request, response) => {
  if (request.url.startsWith("/api/")) return forward(request, response);
  const isScript = request.url === "/client.js";
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? bundled.outputFiles[0].text : PAGE);
});
site.listen(Number(process.env.PORT), "127.0.0.1");
await once(site, "listening");

const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
const page = await (await browser.newContext()).newPage();
await page.goto(ORIGIN);
const devtools = await page.context().newCDPSession(page);
await devtools.send("WebAuthn.enable");
const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  },
});

/** Calls a method of the client in the page, by its name. */
function call(name, body = {}) {
  return page.evaluate(
    async ([path, argument]) => {
      const names = path.split(".");
      const owner = names.slice(0, -1).reduce((object, each) => object[each], window.client);
      const { data, error } = await owner[names.at(-1)](argument);
      return { data, error };
    },
    [name, body],
  );
}

async function right(name, body) {
  const { data, error } = await call(name, body);
  assert.equal(error, null, `${name}: ${JSON.stringify(error)}`);
  return data;
}

async function who() {
  return (await right("getSession"))?.user.email ?? null;
}

await step("somebody signs up", async () => {
  await right("signUp.email", { name: "Ada", email, password: PASSWORD });
  assert.equal(await who(), email);
});

let made;
await step("passkey: made", async () => {
  made = await right("passkey.addPasskey", { name: "This computer" });
  assert.equal(made.name, "This computer");
  assert.equal((await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length, 1);
});

await step("passkey: not a second time on the same device", async () => {
  const { error } = await call("passkey.addPasskey");
  assert.equal(error.code, "ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED");
});

await step("passkey: listed", async () => {
  const [only, ...others] = await right("passkey.listUserPasskeys");
  assert.deepEqual([only.id, only.transports, others.length], [made.id, "internal", 0]);
});

await step("passkey: signs in", async () => {
  await right("signOut");
  assert.equal(await who(), null);
  const { user } = await right("signIn.passkey");
  assert.equal(user.email, email);
  assert.equal(await who(), email);
});

await step("passkey: signs in by the browser's autofill", async () => {
  await right("signOut");
  const { user } = await right("signIn.passkey", { autoFill: true });
  assert.equal(user.email, email);
  assert.equal(await who(), email);
});

await step("passkey: the counter goes on", async () => {
  const [{ counter }] = await right("passkey.listUserPasskeys");
  assert.ok(counter >= 2, `it is ${counter}`);
});

await step("passkey: renamed", async () => {
  const { passkey } = await right("passkey.updatePasskey", { id: made.id, name: "Old computer" });
  assert.equal(passkey.name, "Old computer");
});

let uri;
let codes;
function code() {
  const query = new URL(uri).searchParams;
  return createOTP(base32.decode(query.get("secret"))).totp();
}

await step("second factor: enabled", async () => {
  ({ totpURI: uri, backupCodes: codes } = await right("twoFactor.enable", { password: PASSWORD }));
  assert.equal(codes.length, 10);
  await right("twoFactor.verifyTotp", { code: await code() });
  assert.equal((await right("getSession")).user.twoFactorEnabled, true);
});

await step("second factor: asked for after the password", async () => {
  await right("signOut");
  const asked = await right("signIn.email", { email, password: PASSWORD });
  assert.deepEqual(asked, { twoFactorRedirect: true, twoFactorMethods: ["totp"] });
  assert.equal(await who(), null);
  await right("twoFactor.verifyTotp", { code: await code(), trustDevice: true });
  assert.equal(await who(), email);
});

await step("second factor: not on a trusted device", async () => {
  await right("signOut");
  const { user } = await right("signIn.email", { email, password: PASSWORD });
  assert.equal(user.email, email);
});

await step("second factor: a passkey needs none", async () => {
  await page.context().clearCookies();
  const { user } = await right("signIn.passkey");
  assert.equal(user.email, email);
});

await step("second factor: a backup code, once", async () => {
  await right("signOut");
  await right("signIn.email", { email, password: PASSWORD });
  await right("twoFactor.verifyBackupCode", { code: codes[0] });
  assert.equal(await who(), email);
  await right("signOut");
  await right("signIn.email", { email, password: PASSWORD });
  assert.equal((await call("twoFactor.verifyBackupCode", { code: codes[0] })).error.code, "INVALID_BACKUP_CODE");
  await right("twoFactor.verifyBackupCode", { code: codes[1] });
});

await step("second factor: new backup codes, the URI, disabled", async () => {
  const { backupCodes } = await right("twoFactor.generateBackupCodes", { password: PASSWORD });
  assert.equal(backupCodes.length, 10);
  assert.equal((await right("twoFactor.getTotpUri", { password: PASSWORD })).totpURI, uri);
  await right("twoFactor.disable", { password: PASSWORD });
  await right("signOut");
  await right("signIn.email", { email, password: PASSWORD });
  assert.equal(await who(), email);
});

await step("passkey: deleted", async () => {
  await right("passkey.deletePasskey", { id: made.id });
  assert.deepEqual(await right("passkey.listUserPasskeys"), []);
  await right("signOut");
  assert.equal((await call("signIn.passkey")).error.code, "PASSKEY_NOT_FOUND");
});

await browser.close();
site.close();
site.closeAllConnections();
finish();
