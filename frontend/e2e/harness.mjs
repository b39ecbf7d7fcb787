// What the browser tests share: one browser, people with a context each, and named steps, of which each
// prints a line of JSON: {"step", "ok", "detail"}. Later steps run even if one fails.
//
// Environment: BASE_URL, CHROMIUM (the browser's program); what the server is to do is asked of the process
// that started this one, with a line {"ask", …}, which it answers with a line.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const BASE_URL = process.env.BASE_URL;
export const PASSWORD = "correct horse battery staple";
const PATIENCE = 10_000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let people = 0;
let failed = 0;

const NO_SPARE_PROCESSES = "--disable-features=SpareRendererForSitePerProcess";
export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: process.getuid?.() === 0 ? [NO_SPARE_PROCESSES, "--no-sandbox"] : [NO_SPARE_PROCESSES],
});

export async function step(name, body) {
  try {
    const detail = (await body()) ?? null;
    report({ step: name, ok: true, detail });
  } catch (error) {
    failed += 1;
    report({ step: name, ok: false, detail: String(error.stack ?? error) });
  }
}

export async function finish() {
  await browser.close();
  process.exitCode = failed > 0 ? 1 : 0;
  process.stdin.destroy();
}

/** Ask the process that started this one; the server is its child. */
export async function ask(what) {
  report({ ask: what });
  const { value } = await answers.next();
  return JSON.parse(value);
}

/** A browser context of its own, with what its pages complained about. */
export async function newContext(options = {}) {
  const context = await browser.newContext({ baseURL: BASE_URL, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  context.complaints = [];
  context.requests = [];
  context.on("weberror", (error) => context.complaints.push(String(error.error())));
  context.on("console", (message) => {
    const { url } = message.location();
    // That a request was refused is no fault of the page; what it does then is tested.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      context.complaints.push(`${message.text()} (${url})`);
    }
  });
  context.on("request", (request) => context.requests.push(request));
  return context;
}

/** Somebody who has just signed up and sees an empty list. */
export async function newPerson(name = "Ada", options = {}) {
  const context = await newContext(options);
  const email = newEmail(name);
  const answer = await context.request.post("/api/auth/sign-up/email", {
    headers: { origin: BASE_URL },
    data: { name, email, password: PASSWORD },
  });
  if (!answer.ok()) throw new Error(await answer.text());
  const page = await context.newPage();
  await page.goto("/tasks");
  await page.getByText("Nothing to do yet").waitFor();
  return { context, page, email, name };
}

export async function fillSignUp(page, name, email, password = PASSWORD) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
}

export async function fillSignIn(page, email, password = PASSWORD) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
}

export function newEmail(name) {
  people += 1;
  return `${name.split(" ")[0].toLowerCase()}-${Date.now().toString(36)}-${people}@example.com`;
}

export async function add(page, title) {
  await page.getByLabel("New task").fill(title);
  await page.getByLabel("New task").press("Enter");
  await task(page, title).waitFor();
}

/** The row of a task, by its title. */
export function task(page, title) {
  return page.getByRole("listitem").filter({ has: page.getByRole("checkbox", { name: title, exact: true }) });
}

/** The tasks the page shows at one moment: asking row by row waits for those that have just left. */
export async function titles(page) {
  const boxes = page.getByRole("list", { name: "Tasks" }).getByRole("checkbox");
  return boxes.evaluateAll((all) => all.map((box) => box.getAttribute("aria-label")));
}

/** Wait until the page holds exactly these tasks, in this order. */
export async function shows(page, expected) {
  await until(
    async () => JSON.stringify(await titles(page)) === JSON.stringify(expected),
    async () => {
      return `the page shows ${JSON.stringify(await titles(page))} instead of ${JSON.stringify(expected)}`;
    },
  );
}

/** What the server has stored, asked for with the page's own token; nothing while that has expired. */
export async function stored(page) {
  return page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem("taskward.token")}` };
    const answer = await fetch("/api/tasks", { headers });
    return answer.ok ? answer.json() : [];
  });
}

export async function storedTitles(page) {
  return (await stored(page)).map(({ title }) => title);
}

/** Try until it is true: what is waited for happens on the other side of a browser. */
export async function until(condition, complaint = () => "it never became true") {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(await complaint());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export async function withoutComplaints(...contexts) {
  const complaints = contexts.flatMap((context) => context.complaints);
  if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join("\n")}`);
}

function report(line) {
  console.log(JSON.stringify(line));
}
