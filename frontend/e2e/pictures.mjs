// The pictures in the README: PICTURES=<folder> BASE_URL=<server> CHROMIUM=<browser> node e2e/pictures.mjs
import { join } from "node:path";
import { add, finish, newPerson, step, task } from "./harness.mjs";

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
  ["tasks-light", "light", 1100, 780, false],
  ["tasks-dark-phone", "dark", 390, 780, true],
]) {
  await step(name, async () => {
    const { page } = await newPerson("Ada", {
      colorScheme,
      hasTouch,
      isMobile: hasTouch,
      viewport: { width, height },
    });
    for (const title of TASKS) await add(page, title);
    await page.getByRole("button", { name: "Edit Book the train to Lisbon" }).click();
    await page.getByLabel("Description").fill("Window seat, not before nine.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("checkbox", { name: "Answer the letter from the bank" }).click();
    await page.getByRole("button", { name: "Delete Call the plumber" }).click();
    await task(page, "Call the plumber").waitFor({ state: "detached" });
    await page.getByLabel("New task").focus();
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  });
}

await finish();
