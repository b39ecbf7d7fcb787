// A plain front end without any client library: the spellings of the first specification.
import { browser } from "./cookie-jar.mjs";
import { assert, step } from "./steps.mjs";

async function post(baseURL, origin, path, body) {
  const page = browser(origin, { cors: true });
  const headers = { "content-type": "application/json" };
  const response = await page.fetch(`${baseURL}/api/auth${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, cookies: page.seen.setCookie, body: await response.json() };
}

async function opensTheTasks(baseURL, answer) {
  const { body, cookies } = answer;
  assert.equal(body.token, body.access_token);
  assert.deepEqual([body.token_type, body.expires_in], ["bearer", 900]);
  assert.ok(cookies.some((line) => line.startsWith("better-auth.session_token=")), "no session cookie");
  const headers = { authorization: `Bearer ${body.access_token}` };
  assert.equal((await fetch(`${baseURL}/api/tasks`, { headers })).status, 200);
}

export async function seedSpellings(baseURL, origin, unique) {
  const email = `plain-${unique}@example.com`;
  const password = "a plain password";

  await step("POST /api/auth/signup answers 201 with a JWT that opens the tasks", async () => {
    const answer = await post(baseURL, origin, "/signup", { email, password });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.equal(answer.body.user.email, email);
    await opensTheTasks(baseURL, answer);
  });

  for (const path of ["/login", "/login/email"]) {
    await step(`POST /api/auth${path} answers 200 with a JWT that opens the tasks`, async () => {
      const answer = await post(baseURL, origin, path, { email, password });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal(answer.body.user.email, email);
      await opensTheTasks(baseURL, answer);
    });
  }

  await step("errors of the plain spellings carry a detail that is a string", async () => {
    const wrong = await post(baseURL, origin, "/login", { email, password: "not the password" });
    assert.deepEqual([wrong.status, typeof wrong.body.detail], [401, "string"]);
    const incomplete = await post(baseURL, origin, "/signup", { email: "nonsense" });
    assert.deepEqual([incomplete.status, typeof incomplete.body.detail], [422, "string"]);
  });
}
