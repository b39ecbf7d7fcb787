// The unmodified client of Expo's plugin, a round against BASE_URL, with stubs for the phone.
//
// Environment: BASE_URL; CODE: what the provider `bare` sends back with the browser.
import { pretendToBeAPhone } from "./expo-modules.mjs";
import { assert, finish, step } from "./steps.mjs";

pretendToBeAPhone();
const { createAuthClient } = await import("better-auth/client");
const { expoClient } = await import("@better-auth/expo/client");

const baseURL = process.env.BASE_URL;
const email = `phone-${Date.now().toString(36)}@example.com`;
const password = "a phone's password";

function phone() {
  const kept = new Map();
  const storage = {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    getItemAsync: async (name) => kept.get(name) ?? null,
    setItemAsync: async (name, value) => void kept.set(name, value),
  };
  const client = createAuthClient({
    baseURL,
    plugins: [expoClient({ scheme: "myapp", storage, disableCache: true })],
  });
  return { client, kept };
}

async function session(client) {
  const { data, error } = await client.getSession();
  assert(!error, JSON.stringify(error));
  return data;
}

await step("an app signs up, and keeps its cookies itself", async () => {
  const { client } = phone();
  const { error } = await client.signUp.email({ name: "Phone", email, password });
  assert(!error, JSON.stringify(error));
  assert((await client.getCookie()).includes("better-auth.session_token="), "no cookie");
  assert((await session(client)).user.email === email, "another user");
});

await step("an app changes its user, signs out, and in again", async () => {
  const { client } = phone();
  await client.signIn.email({ email, password });
  const { error } = await client.updateUser({ name: "Renamed" });
  assert(!error, JSON.stringify(error));
  assert((await session(client)).user.name === "Renamed", "the name stayed");
  await client.signOut();
  assert((await session(client)) === null, "still signed in");
});

await step("an app signs in by a provider, and comes back with its cookies", async () => {
  const { client } = phone();
  globalThis.openAuthSession = async (proxy, to) => {
    assert(to === "myapp://dashboard", `back to ${to}`);
    const gone = await fetch(proxy, { redirect: "manual" });
    assert(gone.status === 302, `the proxy said ${gone.status}`);
    const cookie = gone.headers.getSetCookie().map((each) => each.split(";")[0]).join("; ");
    const state = new URL(gone.headers.get("location")).searchParams.get("state");
    const query = new URLSearchParams({ state, code: process.env.CODE });
    const back = await fetch(`${baseURL}/api/auth/callback/bare?${query}`, {
      redirect: "manual",
      headers: { cookie },
    });
    const url = back.headers.get("location");
    assert(url.startsWith("myapp://dashboard?cookie="), url);
    return { type: "success", url };
  };
  const { error } = await client.signIn.social({ provider: "bare", callbackURL: "/dashboard" });
  assert(!error, JSON.stringify(error));
  assert((await session(client)).user.name === "By provider", "another user");
});

await step("an app whose scheme is not trusted is refused", async () => {
  const storage = { getItem: () => null, setItem() {}, getItemAsync: async () => null, setItemAsync: async () => {} };
  const client = createAuthClient({ baseURL, plugins: [expoClient({ scheme: "other", storage })] });
  const { error } = await client.signIn.social({ provider: "bare", callbackURL: "other://x" });
  assert(error?.status === 403, JSON.stringify(error));
});

finish();
