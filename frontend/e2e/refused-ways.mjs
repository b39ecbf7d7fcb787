// When the ways in beyond a password are refused for a while: after too many wrong codes, and where somebody has
// signed in long ago.
import { codeOf, virtualAuthenticator } from "./authenticator.mjs";
import {
  ask,
  fillSignIn,
  finish,
  newPerson,
  PASSWORD,
  signOut,
  step,
  withoutComplaints,
} from "./harness.mjs";

const { context, page, email } = await newPerson("Bea");
const main = page.getByRole("main");
const code = page.getByLabel("Code", { exact: true });
const submit = main.getByRole("button", { name: "Sign in", exact: true });
let secret = "";

/** What the server says to the page's own session. */
async function post(path, body) {
  const answer = await context.request.post(`/api/auth${path}`, {
    headers: { origin: new URL(page.url()).origin },
    data: body,
  });
  return { status: answer.status(), ...(await answer.json()) };
}

/** The address and the password: the code comes next. */
async function reachSecondStep() {
  await page.goto("/sign-in?next=/tasks");
  await fillSignIn(page, email);
  await page.getByRole("heading", { name: "One more step" }).waitFor();
}

/** Enter wrong codes until the server forgets the sign-in, which it does at the sixth. */
async function guess(times) {
  await reachSecondStep();
  for (let wrong = 1; wrong <= times; wrong += 1) {
    await code.fill("000000");
    const answered = page.waitForResponse("**/two-factor/verify-totp");
    await submit.click();
    await answered;
    await submit.and(page.locator(":enabled")).waitFor();
  }
}

await step("two-step sign-in is on", async () => {
  const { totpURI } = await post("/two-factor/enable", { password: PASSWORD });
  secret = new URL(totpURI).searchParams.get("secret");
  const { status } = await post("/two-factor/verify-totp", { code: codeOf(secret) });
  if (status !== 200) throw new Error(`the code was answered with ${status}`);
  await signOut(page);
  await page.waitForURL(/\/sign-in/);
});

await step("ten wrong codes lock the second step, and the page says for how long", async () => {
  await guess(5);
  await guess(5);
  await reachSecondStep();
  await code.fill(codeOf(secret));
  await submit.click();
  const alert = main.getByRole("alert");
  await alert.getByText("Too many wrong codes. Wait a quarter of an hour, then try again.").waitFor();
});

await step("afterwards the right code opens again", async () => {
  await ask({ unlock: email });
  await reachSecondStep();
  await code.fill(codeOf(secret));
  await submit.click();
  await page.waitForURL("/tasks");
});

await step("a passkey is not added to a session of yesterday; the page says what to do", async () => {
  await virtualAuthenticator(context, page);
  await ask({ age: email });
  await page.goto("/account");
  const add = main.getByRole("button", { name: "Add a passkey" });
  await add.click();
  await page.getByText("You signed in a while ago. Sign out and in again, then add the passkey.").waitFor();
  await add.and(page.locator(":enabled")).waitFor();
});

await step("signed in again, it is added", async () => {
  await signOut(page);
  await page.waitForURL(/\/sign-in/);
  await reachSecondStep();
  await code.fill(codeOf(secret));
  await submit.click();
  await page.waitForURL("/tasks");
  await page.goto("/account");
  await main.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByText("The passkey is added.").waitFor();
});

await step("all of it without complaints", () => withoutComplaints(context));

await finish();
