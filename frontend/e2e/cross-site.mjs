// A page on one site and the server on another, in the three ways of docs/options.md.
//
// Environment: CHROMIUM, PORT. Every host is that port of this machine. Prints a line of JSON for each step:
// {"step", "answers"}; the process that started this one says what they should be.
import { chromium } from "playwright-core";

const { CHROMIUM, PORT } = process.env;
const at = (host) => `https://${host}:${PORT}`;
const PAGE = at("page.other.example");
const args = [
  "--host-resolver-rules=MAP *.example 127.0.0.1",
  "--test-third-party-cookie-phaseout",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];
const browser = await chromium.launch({ executablePath: CHROMIUM, args });

// What a page's own code does: sign up, ask who it is, change something, sign out, ask again.
async function round({ api, keepsToken }) {
  let token = null;
  async function call(path, body) {
    const headers = { ...(body && { "content-type": "application/json" }) };
    if (token !== null) headers.authorization = `Bearer ${token}`;
    const credentials = keepsToken ? "omit" : "include";
    const method = body ? "POST" : "GET";
    const answer = await fetch(`${api}/api/auth${path}`, {
      method,
      headers,
      credentials,
      body: body && JSON.stringify(body),
    });
    if (keepsToken) token = answer.headers.get("set-auth-token") ?? token;
    return { status: answer.status, json: await answer.json() };
  }
  const name = async () => (await call("/get-session")).json?.user.name ?? null;
  const email = `${crypto.randomUUID()}@example.com`;
  const signedUp = await call("/sign-up/email", {
    name: "Ada",
    email,
    password: "correct horse battery staple",
  });
  const known = await name();
  const changed = (await call("/update-user", { name: "Grace" })).status;
  const renamed = await name();
  const signedOut = (await call("/sign-out", {})).status;
  return { signedUp: signedUp.status, known, changed, renamed, signedOut, afterwards: await name() };
}

async function signUpAndAsk({ api }) {
  const email = `${crypto.randomUUID()}@example.com`;
  const body = JSON.stringify({ name: "Ada", email, password: "correct horse battery staple" });
  const headers = { "content-type": "application/json" };
  await fetch(`${api}/api/auth/sign-up/email`, { method: "POST", headers, credentials: "include", body });
}

async function ask({ api }) {
  const answer = await fetch(`${api}/api/auth/get-session`, { credentials: "include" });
  return (await answer.json())?.user.name ?? null;
}

async function inPage(step, page, body, given) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const tab = await context.newPage();
  await tab.goto(page);
  console.log(JSON.stringify({ step, answers: await tab.evaluate(body, given) }));
  return { context, tab };
}

const ways = {
  "one origin": { api: "" },
  "partitioned cookies": { api: at("partitioned.shop.example") },
  "bearer tokens": { api: at("bearer.shop.example"), keepsToken: true },
  "cookies as usual": { api: at("lax.shop.example") },
  "cookies of third parties": { api: at("none.shop.example") },
};
for (const [way, given] of Object.entries(ways)) {
  const { context } = await inPage(way, PAGE, round, given);
  await context.close();
}

// What is partitioned belongs to the page's site: another site's page does not see it.
const given = ways["partitioned cookies"];
const { context, tab } = await inPage("signs up", PAGE, signUpAndAsk, given);
for (const host of ["page.third.example", "page.other.example"]) {
  await tab.goto(at(host));
  console.log(JSON.stringify({ step: host, answers: await tab.evaluate(ask, given) }));
}
await context.close();
await browser.close();
