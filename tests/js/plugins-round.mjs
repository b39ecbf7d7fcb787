// The stock client's plugins for links, codes, phones, guests, several sessions, one-time tokens, keys and devices,
// a round against BASE_URL, where GET /mails/<text> hands out what was sent and mentions the text.
//
// Environment: BASE_URL, and ORIGIN (a trusted origin, by default http://localhost:3000).
import { apiKeyClient } from "@better-auth/api-key/client";
import { createAuthClient } from "better-auth/client";
import {
  anonymousClient, deviceAuthorizationClient, emailOTPClient, lastLoginMethodClient, magicLinkClient, multiSessionClient,
  oneTimeTokenClient, phoneNumberClient,
} from "better-auth/client/plugins";
import { browser } from "./cookie-jar.mjs";
import { assert, data, finish, refused, step } from "./steps.mjs";

const baseURL = process.env.BASE_URL;
const origin = process.env.ORIGIN ?? "http://localhost:3000";
const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
const password = "a good password";
let people = 0;

function person(name, page = browser(origin, { cors: false })) {
  people += 1;
  const client = createAuthClient({
    baseURL,
    plugins: [
      magicLinkClient(), emailOTPClient(), phoneNumberClient(), anonymousClient(), multiSessionClient(), oneTimeTokenClient(),
      lastLoginMethodClient(), apiKeyClient(), deviceAuthorizationClient(),
    ],
    fetchOptions: { customFetchImpl: page.fetch },
  });
  return { name, email: `${name}${people}-${unique}@example.com`, page, client };
}

async function arrived(name) {
  const someone = person(name);
  const { email, client } = someone;
  someone.id = data(await client.signUp.email({ name, email, password })).user.id;
  return someone;
}

async function who(client) {
  return data(await client.getSession())?.user;
}

// What was sent last to an address or a number.
async function sent(to) {
  const text = to.split("@")[0].replace("+", "");
  const { mails } = await (await fetch(`${baseURL}/mails/${text}`)).json();
  return mails.at(-1);
}

await step("magic link: it signs up and in, once", async () => {
  const { name, email, client } = person("magda");
  data(await client.signIn.magicLink({ email, name, callbackURL: "/" }));
  const { url, token } = await sent(email);
  assert.match(url, /\/api\/auth\/magic-link\/verify\?token=/);
  const { user } = data(await client.magicLink.verify({ query: { token } }));
  assert.deepEqual([user.email, user.name, user.emailVerified], [email, name, true]);
  assert.equal((await who(client)).email, email);
});

await step("email code: signs in, wrong ones are counted", async () => {
  const { email, client } = person("otto");
  data(await client.emailOtp.sendVerificationOtp({ email, type: "sign-in" }));
  const { otp } = await sent(email);
  refused(await client.signIn.emailOtp({ email, otp: "000000x" }), 400, "INVALID_OTP");
  assert.equal(data(await client.signIn.emailOtp({ email, otp })).user.email, email);
  refused(await client.signIn.emailOtp({ email, otp }), 400, "INVALID_OTP");
});

await step("email code: verifies an address, and chooses a password", async () => {
  const { email, client } = await arrived("ada");
  data(await client.emailOtp.sendVerificationOtp({ email, type: "email-verification" }));
  const first = (await sent(email)).otp;
  assert.equal(data(await client.emailOtp.checkVerificationOtp({ email, otp: first, type: "email-verification" })).success, true);
  assert.equal(data(await client.emailOtp.verifyEmail({ email, otp: first })).user.emailVerified, true);
  data(await client.emailOtp.requestPasswordReset({ email }));
  const { otp } = await sent(email);
  data(await client.emailOtp.resetPassword({ email, otp, password: "another password" }));
  data(await client.signIn.email({ email, password: "another password" }));
});

await step("phone: a number is verified, has a password, and signs in", async () => {
  const { client } = person("phil");
  const phoneNumber = `+49${Math.floor(1e9 + Math.random() * 9e9)}`;
  data(await client.phoneNumber.sendOtp({ phoneNumber }));
  const { code } = await sent(phoneNumber);
  refused(await client.phoneNumber.verify({ phoneNumber, code: "x" }), 400, "INVALID_OTP");
  const { user } = data(await client.phoneNumber.verify({ phoneNumber, code }));
  assert.deepEqual([user.phoneNumber, user.phoneNumberVerified], [phoneNumber, true]);
  data(await client.phoneNumber.requestPasswordReset({ phoneNumber }));
  const reset = await sent(phoneNumber);
  data(await client.phoneNumber.resetPassword({ phoneNumber, otp: reset.code, newPassword: password }));
  refused(await client.signIn.phoneNumber({ phoneNumber, password: "wrong one" }), 401, "INVALID_PHONE_NUMBER_OR_PASSWORD");
  assert.equal(data(await client.signIn.phoneNumber({ phoneNumber, password })).user.phoneNumber, phoneNumber);
});

await step("guest: comes, signs up, and is no guest any more", async () => {
  const { name, email, client } = person("gus");
  const guest = data(await client.signIn.anonymous()).user;
  assert.equal((await who(client)).isAnonymous, true);
  refused(await client.signIn.anonymous(), 400, "ANONYMOUS_USERS_CANNOT_SIGN_IN_AGAIN_ANONYMOUSLY");
  const { user } = data(await client.signUp.email({ name, email, password }));
  const linked = await sent(email);
  assert.deepEqual([linked.anonymousUser.id, linked.newUser.id], [guest.id, user.id]);
  assert.equal((await who(client)).isAnonymous, false);
  refused(await client.deleteAnonymousUser(), 403, "USER_IS_NOT_ANONYMOUS");
});

await step("guest: leaves", async () => {
  const { client } = person("gina");
  data(await client.signIn.anonymous());
  data(await client.deleteAnonymousUser());
  assert.equal(await who(client), undefined);
});

await step("several sessions: one browser changes between users", async () => {
  const one = await arrived("mia");
  const two = person("max", one.page);
  data(await two.client.signUp.email({ name: "max", email: two.email, password }));
  const listed = data(await one.client.multiSession.listDeviceSessions());
  assert.deepEqual(listed.map(({ user }) => user.email).sort(), [one.email, two.email].sort());
  const [mias, maxs] = [one, two].map(({ email }) => listed.find(({ user }) => user.email === email).session.token);
  data(await one.client.multiSession.setActive({ sessionToken: mias }));
  assert.equal((await who(one.client)).email, one.email);
  data(await one.client.multiSession.revoke({ sessionToken: maxs }));
  assert.equal(data(await one.client.multiSession.listDeviceSessions()).length, 1);
  refused(await one.client.multiSession.setActive({ sessionToken: maxs }), 401, "INVALID_SESSION_TOKEN");
});

await step("one-time token: takes a session elsewhere, once", async () => {
  const { email, client } = await arrived("tom");
  const { token } = data(await client.oneTimeToken.generate());
  const elsewhere = person("tom's telephone");
  assert.equal(data(await elsewhere.client.oneTimeToken.verify({ token })).user.email, email);
  assert.equal((await who(elsewhere.client)).email, email);
  const again = await elsewhere.client.oneTimeToken.verify({ token });
  assert.deepEqual([again.error.status, again.error.message], [400, "Invalid token"]);
});

await step("last method: the page knows it, and so does the user's row", async () => {
  const { client, page } = await arrived("lea");
  const kept = () => [...page.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  globalThis.document = { get cookie() { return kept(); } };
  try {
    assert.equal(client.getLastUsedLoginMethod(), "email");
    assert.equal(client.isLastUsedLoginMethod("google"), false);
  } finally {
    delete globalThis.document;
  }
  assert.equal((await who(client)).lastLoginMethod, "email");
});

await step("API key: made, used, changed, deleted", async () => {
  const { id, client } = await arrived("kay");
  const made = data(await client.apiKey.create({ name: "robot", prefix: "tw_", expiresIn: 86_400, metadata: { for: "ci" } }));
  assert.ok(made.key.startsWith("tw_"));
  assert.deepEqual([made.referenceId, made.metadata], [id, { for: "ci" }]);
  const robot = await fetch(`${baseURL}/api/auth/get-session`, { headers: { "x-api-key": made.key } });
  assert.equal((await robot.json()).user.id, id);
  const listed = data(await client.apiKey.list());
  assert.deepEqual([listed.total, listed.apiKeys[0].id, listed.apiKeys[0].key], [1, made.id, undefined]);
  assert.equal(data(await client.apiKey.update({ keyId: made.id, name: "old robot" })).name, "old robot");
  assert.equal(data(await client.apiKey.get({ query: { id: made.id } })).name, "old robot");
  refused(await client.apiKey.update({ keyId: made.id, remaining: 1 }), 400, "SERVER_ONLY_PROPERTY");
  const other = await arrived("eve");
  refused(await other.client.apiKey.get({ query: { id: made.id } }), 404, "KEY_NOT_FOUND");
  data(await client.apiKey.delete({ keyId: made.id }));
  assert.equal(data(await client.apiKey.list()).total, 0);
});

const device = { client_id: "television" };

function polling({ device_code }) {
  return { ...device, grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code };
}

await step("device: asks too early, and too often", async () => {
  const { client } = person("tv");
  const poll = polling(data(await client.device.code(device)));
  assert.equal((await client.device.token(poll)).error.error, "authorization_pending");
  assert.equal((await client.device.token(poll)).error.error, "slow_down");
});

await step("device: asks, is approved, and gets its token", async () => {
  const tv = person("tv");
  const { email, client } = await arrived("dora");
  const asked = data(await tv.client.device.code({ ...device, scope: "openid" }));
  const poll = polling(asked);
  assert.equal(data(await client.device({ query: { user_code: asked.user_code } })).status, "pending");
  data(await client.device.approve({ userCode: asked.user_code }));
  const { access_token } = data(await tv.client.device.token(poll));
  const headers = { authorization: `Bearer ${access_token}` };
  const session = await (await fetch(`${baseURL}/api/auth/get-session`, { headers })).json();
  assert.equal(session.user.email, email);
  assert.equal((await tv.client.device.token(poll)).error.error, "invalid_grant");
});

await step("device: asks, and is denied", async () => {
  const tv = person("tv");
  const { client } = await arrived("dan");
  const asked = data(await tv.client.device.code(device));
  data(await client.device({ query: { user_code: asked.user_code } }));
  data(await client.device.deny({ userCode: asked.user_code }));
  assert.equal((await tv.client.device.token(polling(asked))).error.error, "access_denied");
});

finish();
