// The unmodified stock client of Better Auth, a full round against BASE_URL.
//
// Environment: BASE_URL; ORIGIN (a trusted origin, http://localhost:3000 if not given); TASKS=off
// leaves out what only Taskward has (tasks, the seed's spellings, CORS), so that the same round can
// be held with the original.
import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import { browser } from "./cookie-jar.mjs";
import { seedSpellings } from "./seed-steps.mjs";
import { assert, data, finish, refused, step } from "./steps.mjs";
import { taskRound } from "./task-steps.mjs";

const baseURL = process.env.BASE_URL;
const origin = process.env.ORIGIN ?? "http://localhost:3000";
const withTasks = process.env.TASKS !== "off";
const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
const WEEK = 7 * 24 * 60 * 60;

function person(name) {
  const page = browser(origin, { cors: withTasks });
  const client = createAuthClient({
    baseURL,
    plugins: [jwtClient()],
    fetchOptions: { customFetchImpl: page.fetch },
  });
  return { name, email: `${name}-${unique}@example.com`, password: `${name}'s password`, page, client };
}

const ada = person("ada");
const bob = person("bob");

function credentials({ email, password }, more = {}) {
  return { email, password, ...more };
}

function listening(into) {
  return { fetchOptions: { onSuccess: ({ response }) => Object.assign(into, { headers: response.headers }) } };
}

function sessionCookie(page) {
  return page.seen.setCookie.find((line) => line.startsWith("better-auth.session_token="));
}

async function signedUp(someone) {
  const { name, client } = someone;
  const { token, user } = data(await client.signUp.email({ name, ...credentials(someone) }));
  assert.match(token, /^[A-Za-z0-9]{32}$/);
  assert.match(user.id, /^[A-Za-z0-9]{32}$/);
  assert.deepEqual([user.email, user.name, user.emailVerified], [someone.email, name, false]);
  return user.id;
}

await step("sign up", () => signedUp(ada));

await step("sign up with an address that is taken is refused", async () => {
  const second = person("ada");
  const answer = await second.client.signUp.email({ name: "Eve", ...credentials(ada) });
  refused(answer, 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
  assert.equal(second.page.cookies.size, 0);
});

await step("sign up with a short password is refused", async () => {
  const answer = await person("eve").client.signUp.email({ name: "", email: `eve-${unique}@example.com`, password: "seven77" });
  refused(answer, 400, "PASSWORD_TOO_SHORT");
});

await step("a wrong password is refused", async () => {
  const answer = await person("ada").client.signIn.email(credentials(ada, { password: "not her password" }));
  refused(answer, 401, "INVALID_EMAIL_OR_PASSWORD");
});

await step("an unknown address is refused in the same words", async () => {
  const answer = await person("eve").client.signIn.email({ email: `nobody-${unique}@example.com`, password: "whatever12" });
  refused(answer, 401, "INVALID_EMAIL_OR_PASSWORD");
});

await step("sign in without being remembered gives a cookie for the browser session", async () => {
  const { client, page } = person("ada");
  data(await client.signIn.email(credentials(ada, { rememberMe: false })));
  assert.doesNotMatch(sessionCookie(page), /Max-Age/i);
  assert.ok(page.cookies.has("better-auth.dont_remember"));
  assert.equal(data(await client.getSession()).user.email, ada.email);
});

await step("sign in and be remembered gives a cookie for a week", async () => {
  const answer = data(await ada.client.signIn.email(credentials(ada, { rememberMe: true })));
  assert.equal(answer.redirect, false);
  assert.match(sessionCookie(ada.page), new RegExp(`; Max-Age=${WEEK}; Path=/; HttpOnly; SameSite=Lax$`));
  assert.ok(!ada.page.cookies.has("better-auth.dont_remember"));
});

await step("sign in hands out set-auth-token", async () => {
  const heard = {};
  const { client } = person("ada");
  const { token } = data(await client.signIn.email({ ...credentials(ada), ...listening(heard) }));
  assert.equal(decodeURIComponent(heard.headers.get("set-auth-token")).split(".")[0], token);
});

await step("set-auth-token works as a bearer token", async () => {
  const heard = {};
  data(await person("ada").client.signIn.email({ ...credentials(ada), ...listening(heard) }));
  const headers = { authorization: `Bearer ${heard.headers.get("set-auth-token")}` };
  const session = data(await person("ada").client.getSession({ fetchOptions: { headers } }));
  assert.equal(session.user.email, ada.email);
});

await step("getSession gives the session and the user", async () => {
  const { session, user } = data(await ada.client.getSession());
  assert.equal(session.userId, user.id);
  assert.equal(user.email, ada.email);
});

await step("dates arrive as Date objects and keep their milliseconds", async () => {
  const { session, user } = data(await ada.client.getSession());
  const raw = JSON.parse(ada.page.seen.text);
  for (const [part, name] of [["session", "expiresAt"], ["session", "createdAt"], ["session", "updatedAt"], ["user", "createdAt"], ["user", "updatedAt"]]) {
    const date = { session, user }[part][name];
    assert.match(raw[part][name], /T\d\d:\d\d:\d\d\.\d{3}Z$/, `${part}.${name}`);
    assert.ok(date instanceof Date, `${part}.${name} is a ${typeof date}`);
    assert.equal(date.getTime(), Date.parse(raw[part][name]), `${part}.${name}`);
  }
  assert.ok(Math.abs(session.expiresAt - session.createdAt - WEEK * 1000) < 5000);
  assert.ok(Math.abs(Date.now() - session.createdAt) < 60_000);
});

await step("getSession hands out set-auth-jwt", async () => {
  const heard = {};
  const { user } = data(await ada.client.getSession(listening(heard)));
  const claims = JSON.parse(Buffer.from(heard.headers.get("set-auth-jwt").split(".")[1], "base64url"));
  assert.deepEqual([claims.sub, claims.exp - claims.iat], [user.id, 900]);
});

await step("token() gives a JWT for this user", async () => {
  const { token } = data(await ada.client.token());
  const { user } = data(await ada.client.getSession());
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.deepEqual([claims.sub, claims.exp - claims.iat], [user.id, 900]);
});

await step("token() without a session is refused", async () => {
  refused(await person("eve").client.token(), 401, "UNAUTHORIZED");
});

if (withTasks) {
  await step("a page on an origin that is not trusted sees nothing", async () => {
    const page = browser("https://evil.example", { cors: true });
    await assert.rejects(page.fetch(`${baseURL}/api/auth/get-session`), /blocked by CORS/);
    await assert.rejects(page.fetch(`${baseURL}/api/tasks`, { headers: { authorization: "x" } }), /blocked by CORS/);
  });
}

await step("a second user signs up", () => signedUp(bob));

if (withTasks) {
  await taskRound(baseURL, origin, ada, bob);
  await seedSpellings(baseURL, origin, unique);
}

await step("updateUser changes the name", async () => {
  assert.equal(data(await ada.client.updateUser({ name: "Ada Lovelace" })).status, true);
  assert.equal(data(await ada.client.getSession()).user.name, "Ada Lovelace");
});

await step("updateUser cannot change the e-mail address", async () => {
  refused(await ada.client.updateUser({ email: bob.email }), 400, "EMAIL_CAN_NOT_BE_UPDATED");
});

await step("listSessions lists every session of this user", async () => {
  const sessions = data(await ada.client.listSessions());
  assert.ok(sessions.length >= 4, `${sessions.length} sessions`);
  const { session } = data(await ada.client.getSession());
  assert.ok(sessions.some(({ token }) => token === session.token));
  assert.ok(sessions.every(({ userId, expiresAt }) => userId === session.userId && expiresAt instanceof Date));
});

await step("changePassword with a wrong current password is refused", async () => {
  const answer = await ada.client.changePassword({ currentPassword: "not her password", newPassword: "a new password" });
  refused(answer, 400, "INVALID_PASSWORD");
});

await step("changePassword can end the other sessions", async () => {
  const elsewhere = person("ada");
  data(await elsewhere.client.signIn.email(credentials(ada)));
  const change = { currentPassword: ada.password, newPassword: "a new password", revokeOtherSessions: true };
  assert.match(data(await ada.client.changePassword(change)).token, /^[A-Za-z0-9]{32}$/);
  ada.password = change.newPassword;
  assert.equal(data(await elsewhere.client.getSession()), null);
  assert.equal(data(await ada.client.listSessions()).length, 1);
});

await step("the old password is refused, the new one is taken", async () => {
  const { client } = person("ada");
  refused(await client.signIn.email(credentials(ada, { password: "ada's password" })), 401, "INVALID_EMAIL_OR_PASSWORD");
  data(await client.signIn.email(credentials(ada)));
});

await step("signOut ends the session", async () => {
  assert.equal(data(await ada.client.signOut()).success, true);
  assert.equal(ada.page.cookies.size, 0);
  assert.equal(data(await ada.client.getSession()), null);
});

await step("signOut without a session succeeds", async () => {
  assert.equal(data(await person("eve").client.signOut()).success, true);
});

await step("deleteUser with a wrong password is refused", async () => {
  data(await ada.client.signIn.email(credentials(ada)));
  refused(await ada.client.deleteUser({ password: "not her password" }), 400, "INVALID_PASSWORD");
});

await step("deleteUser deletes: no session, no sign-in, and the address is free again", async () => {
  assert.equal(data(await ada.client.deleteUser({ password: ada.password })).message, "User deleted");
  assert.equal(data(await ada.client.getSession()), null);
  refused(await ada.client.signIn.email(credentials(ada)), 401, "INVALID_EMAIL_OR_PASSWORD");
  await signedUp(ada);
});

finish();
