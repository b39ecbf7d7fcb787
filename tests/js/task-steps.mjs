// The six task endpoints, called with the JWT that the stock client obtained.
import { browser } from "./cookie-jar.mjs";
import { assert, data, step } from "./steps.mjs";

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function caller(baseURL, origin, token) {
  const page = browser(origin, { cors: true });
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await page.fetch(`${baseURL}/api/tasks${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text && JSON.parse(text), text, headers: response.headers };
  };
}

async function created(call, body) {
  const answer = await call("POST", "", body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

export async function taskRound(baseURL, origin, owner, other) {
  let call;
  let task;

  await step("the JWT opens the tasks", async () => {
    call = caller(baseURL, origin, data(await owner.client.token()).token);
    assert.deepEqual((await call("GET", "")).body, []);
  });

  await step("the JWT of set-auth-jwt opens the tasks", async () => {
    let token;
    const onSuccess = ({ response }) => { token = response.headers.get("set-auth-jwt"); };
    data(await owner.client.getSession({ fetchOptions: { onSuccess } }));
    assert.equal((await caller(baseURL, origin, token)("GET", "")).status, 200);
  });

  await step("sign in hands out set-auth-jwt too", async () => {
    let token;
    const onSuccess = ({ response }) => { token = response.headers.get("set-auth-jwt"); };
    data(await owner.client.signIn.email({ email: owner.email, password: owner.password, fetchOptions: { onSuccess } }));
    assert.equal((await caller(baseURL, origin, token)("GET", "")).status, 200);
  });

  await step("without a token, or with the session token, the tasks stay closed", async () => {
    const { session } = data(await owner.client.getSession());
    assert.equal((await fetch(`${baseURL}/api/tasks`)).status, 401);
    assert.equal((await caller(baseURL, origin, session.token)("GET", "")).status, 401);
  });

  await step("create a task", async () => {
    task = await created(call, { title: "Buy milk", description: null });
    const { user } = data(await owner.client.getSession());
    assert.deepEqual([task.user_id, task.title, task.description, task.completed], [user.id, "Buy milk", null, false]);
    assert.match(task.created_at, DATE);
    assert.match(task.updated_at, DATE);
  });

  await step("list the tasks, newest first", async () => {
    const second = await created(call, { title: "Second" });
    assert.deepEqual((await call("GET", "")).body, [second, task]);
  });

  await step("get one task", async () => {
    assert.deepEqual((await call("GET", `/${task.id}`)).body, task);
  });

  await step("replace a task", async () => {
    const answer = await call("PUT", `/${task.id}`, { title: "Buy bread", description: "rye" });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.body.title, answer.body.description, answer.body.created_at], ["Buy bread", "rye", task.created_at]);
  });

  await step("complete toggles, and toggles back", async () => {
    const states = [];
    for (let turn = 0; turn < 2; turn += 1) states.push((await call("PATCH", `/${task.id}/complete`)).body.completed);
    assert.deepEqual(states, [true, false]);
  });

  await step("filter the tasks by status", async () => {
    await call("PATCH", `/${task.id}/complete`);
    const count = async (status) => (await call("GET", `?status=${status}`)).body.length;
    assert.deepEqual([await count("all"), await count("pending"), await count("completed")], [2, 1, 1]);
    assert.equal((await call("GET", "?status=archive")).status, 400);
  });

  await step("a second user sees nothing of the first", async () => {
    const { token } = data(await other.client.token());
    const stranger = caller(baseURL, origin, token);
    assert.deepEqual((await stranger("GET", "")).body, []);
    const tries = [["GET", ""], ["PUT", "", { title: "mine now" }], ["PATCH", "/complete"], ["DELETE", ""]];
    for (const [method, tail, body] of tries) {
      assert.equal((await stranger(method, `/${task.id}${tail}`, body)).status, 404, method);
    }
    assert.equal((await call("GET", `/${task.id}`)).body.title, "Buy bread");
  });

  await step("delete a task: no body, and then it is gone", async () => {
    const answer = await call("DELETE", `/${task.id}`);
    assert.deepEqual([answer.status, answer.text], [204, ""]);
    assert.equal((await call("GET", `/${task.id}`)).status, 404);
    assert.equal((await call("DELETE", `/${task.id}`)).status, 404);
  });
}
