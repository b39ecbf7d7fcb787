// The documentation at /docs: what "Try it out" fills in works when "Execute" is pressed, without a change.
import { finish, newContext, step } from "./harness.mjs";

const context = await newContext();
const page = await context.newPage();
await page.goto("/docs");
const description = await (await context.request.get("/openapi.json")).json();
const operations = Object.values(description.paths).flatMap((path) => Object.values(path));

/** Executes an operation as it stands there: what was filled in, the status, the answer. */
async function execute(id) {
  const block = page.locator(`[id$="-${id}"].opblock`);
  await block.locator(".opblock-summary").click();
  await block.getByRole("button", { name: "Try it out" }).click();
  checkFields(id, await fieldsOf(block));
  const answered = page.waitForResponse((response) => response.url().includes("/api/"));
  await block.getByRole("button", { name: "Execute" }).click();
  const answer = await answered;
  const text = await answer.text();
  await block.locator(".opblock-summary").click();
  return { status: answer.status(), text };
}

async function fieldsOf(block) {
  const body = block.locator("textarea.body-param__text");
  const rows = await block.locator("tr[data-param-name]:has(input[type=text])").all();
  const values = rows.map(async (row) => [
    await row.getAttribute("data-param-name"),
    await row.locator("input").inputValue(),
  ]);
  return {
    body: (await body.count()) ? JSON.parse(await body.inputValue()) : undefined,
    parameters: Object.fromEntries(await Promise.all(values)),
  };
}

/** A body and what is required are filled with their examples, what is optional is left empty. */
function checkFields(id, { body, parameters }) {
  const operation = operations.find(({ operationId }) => operationId === id);
  const content = operation.requestBody?.content["application/json"];
  const schema = description.components.schemas[content?.schema.$ref.split("/").at(-1)];
  expect(JSON.stringify(body), JSON.stringify(content?.example ?? schema?.examples[0]));
  for (const { name, required, schema } of operation.parameters ?? []) {
    if (name in parameters) expect(parameters[name], required ? String(schema.examples[0]) : "");
  }
}

async function expectStatuses(wanted) {
  for (const [id, status] of Object.entries(wanted)) expect((await execute(id)).status, status);
}

function expect(actual, wanted) {
  if (actual !== wanted) throw new Error(`${actual} instead of ${wanted}`);
}

await step("somebody signs up and in with what is filled in", async () => {
  await expectStatuses({ signup: 201, login: 200, signInEmail: 200, updateUser: 200 });
});

await step("Authorize takes the token", async () => {
  const { token } = JSON.parse((await execute("token")).text);
  await page.getByRole("button", { name: "Authorize" }).first().click();
  await page.locator(".modal-ux input").fill(token);
  await page.locator(".modal-ux").getByRole("button", { name: "Apply credentials" }).click();
  await page.locator(".modal-ux").getByRole("button", { name: "Close" }).first().click();
});

await step("all six operations work with what is filled in", async () => {
  await expectStatuses({ createTask: 201, listTasks: 200, getTask: 200, updateTask: 200 });
  await expectStatuses({ toggleTask: 200, deleteTask: 204 });
});

await step("after a reload the token is still there", async () => {
  await page.reload();
  await expectStatuses({ listTasks: 200 });
});

await finish();
