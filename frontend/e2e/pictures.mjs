// The pictures in the README: PICTURES=<folder> BASE_URL=<server> CHROMIUM=<browser> node e2e/pictures.mjs
import { join } from "node:path";
import { add, finish, newContext, newPerson, step, until } from "./harness.mjs";

const FOLDER = process.env.PICTURES;
const TASKS = [
  "Call the plumber",
  "Renew the passport",
  "Return the library books",
  "Book the train to Lisbon",
  "Answer the letter from the bank",
  "Water the plants",
];

for (const [name, colorScheme, width, height, hasTouch] of [
  ["tasks-light", "light", 1100, 800, false],
  ["tasks-dark-phone", "dark", 390, 800, true],
]) {
  await step(name, async () => {
    const { context, page } = await newPerson("Ada", {
      colorScheme,
      hasTouch,
      isMobile: hasTouch,
      viewport: { width, height },
    });
    for (const title of TASKS) await add(page, title);
    await page.getByRole("listitem").getByText("Book the train to Lisbon").click();
    await page.getByLabel("Description").fill("Window seat, not before nine. https://example.com/trains");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("checkbox", { name: "Answer the letter from the bank" }).click();
    await page.getByRole("checkbox", { name: "Water the plants" }).click();
    await until(async () => (await page.getByText("Saving…").count()) === 0);
    await context.setOffline(true);
    await add(page, "Ask about the seat by the window");
    await page.getByText("Not saved yet").waitFor();
    await page.getByLabel("New task").focus();
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  });
}

await step("start", async () => {
  const context = await newContext({ colorScheme: "light", viewport: { width: 1200, height: 720 } });
  const page = await context.newPage();
  await page.goto("/");
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(FOLDER, "start-light.png") });
});

await finish();
