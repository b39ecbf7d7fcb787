// What the browser tests share: one browser, users with a context each, and named steps, of which each
// prints a line of JSON: {"step", "ok", "detail"}. Later steps run even if one fails.
//
// Environment: BASE_URL, CHROMIUM (the browser's program), and for programs that cut lines PROXY_PORT, whose
// origin the server trusts; what the server is to do is asked of the process that started this one, with a line
// {"ask", …}, which it answers with a line.
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const BASE_URL = process.env.BASE_URL;
export const PASSWORD = "correct horse battery staple";
const PATIENCE = 60_000; // where many programs share the processors

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let users = 0;
let failed = 0;

const NO_SPARE_PROCESSES = "--disable-features=SpareRendererForSitePerProcess";
/** A name of the server that it does not know, without TLS: browsers trust such a page less than a loopback one. */
export const UNTRUSTED_HOST = "unknown.example";
/** One that it knows. */
export const PLAIN_HOST = "plain.example";
const RULES = "--host-resolver-rules=MAP *.example 127.0.0.1";
export const PROGRAM = {
  executablePath: process.env.CHROMIUM,
  args: process.getuid?.() === 0 ? [RULES, NO_SPARE_PROCESSES, "--no-sandbox"] : [RULES, NO_SPARE_PROCESSES],
};
export const browser = await chromium.launch(PROGRAM);

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
  const context = await browser.newContext({
    baseURL: BASE_URL,
    reducedMotion: "reduce",
    serviceWorkers: "block",
    ...options,
  });
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
    headers: { origin: options.baseURL ?? BASE_URL },
    data: { name, email, password: PASSWORD },
  });
  if (!answer.ok()) throw new Error(await answer.text());
  const page = await context.newPage();
  await page.goto("/tasks");
  await page.getByText("Nothing to do yet").waitFor();
  return { context, page, email, name };
}

export async function fillSignUp(page, name, email, password = PASSWORD) {
  await listens(page);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
}

export async function fillSignIn(page, email, password = PASSWORD) {
  await listens(page);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Until React has taken over the form of the page: it is there, and can be filled, before that. */
async function listens(page) {
  const form = page.getByRole("main").locator("form").first();
  const isTaken = (element) => Object.keys(element).some((key) => key.startsWith("__reactProps$"));
  await until(() => form.evaluate(isTaken));
}

export function newEmail(name) {
  users += 1;
  return `${name.split(" ")[0].toLowerCase()}-${Date.now().toString(36)}-${users}@example.com`;
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

/** What the server has stored, asked for with the page's own token; nothing while that cannot be had. */
export async function stored(page) {
  return page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem("taskward.token")}` };
    const answer = await fetch("/api/tasks", { headers }).catch(() => null);
    return answer?.ok ? answer.json() : [];
  });
}

/** Have the page try again, unless it has done so by itself: then there is nothing to press any more. */
export async function tryNow(page) {
  const button = page.getByRole("button", { name: "Try now" });
  await button.evaluateAll(([one]) => one?.click());
}

/** Wait until the server has exactly these tasks, in this order. */
export async function stores(page, expected) {
  await until(
    async () => JSON.stringify(await storedTitles(page)) === JSON.stringify(expected),
    async () =>
      `stored is ${JSON.stringify(await storedTitles(page))} instead of ${JSON.stringify(expected)}`,
  );
}

export async function openMenu(page) {
  await page.getByRole("button", { name: "Account menu" }).click();
}

export async function signOut(page) {
  await openMenu(page);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
}

export async function remove(page, title) {
  await task(page, title).hover();
  await page.getByRole("button", { name: `Delete ${title}`, exact: true }).click();
}

export async function edit(page, title) {
  await task(page, title).hover();
  await page.getByRole("button", { name: `Edit ${title}`, exact: true }).click();
}

export const titleField = (page) => page.getByRole("textbox", { name: "Title", exact: true });

/** Let go by what people wait for: deletions that can be undone, time limits. */
export async function pass(page, seconds) {
  await page.clock.fastForward(seconds * 1000);
}

/** A line between the page and its server that is slow, or loses answers; at PROXY_PORT. */
export async function openLine() {
  const { hostname, port } = new URL(BASE_URL);
  const line = {
    url: `http://127.0.0.1:${process.env.PROXY_PORT}`,
    delay: 0,
    lose: null,
    /** What is answered in the server's place, by the head of the request. */
    instead: () => null,
    atOnce: 0,
    most: 0,
  };
  const server = createServer((browserSide) => {
    const serverSide = connect(Number(port), hostname);
    let isLost = false;
    let asked = false;
    const end = () => {
      browserSide.destroy();
      serverSide.destroy();
    };
    for (const side of [browserSide, serverSide]) side.on("error", end).on("close", end);
    browserSide.on("data", (data) => {
      const head = data.toString("latin1").split("\r\n", 1)[0];
      isLost = line.lose?.test(head) ?? false;
      const instead = line.instead(head);
      if (instead !== null) return browserSide.write(instead);
      if (isLost) line.lost += 1;
      asked = head.startsWith("POST /api/tasks");
      if (asked) line.most = Math.max(line.most, ++line.atOnce);
      setTimeout(() => serverSide.write(data), line.delay);
    });
    // The server has done what it was asked for; nobody will ever know.
    serverSide.on("data", (data) => {
      if (asked) line.atOnce -= 1;
      asked = false;
      if (isLost) end();
      else browserSide.write(data);
    });
  });
  await new Promise((resolve) => server.listen(Number(process.env.PROXY_PORT), "127.0.0.1", resolve));
  line.close = () => server.close();
  return line;
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
