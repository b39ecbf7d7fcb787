// Two devices of one person, which change the same tasks; and texts whose row goes away meanwhile.
import assert from "node:assert/strict";
import { anotherDevice, comeBack, listIsKept, reads } from "./faults.mjs";
import {
  add,
  edit,
  newPerson,
  pass,
  remove,
  step,
  stored,
  storedTitles,
  stores,
  task,
  titleField,
  titles,
  until,
  withoutComplaints,
} from "./harness.mjs";

/** Two devices of one person. */
export async function twoDevices() {
  const bea = await newPerson("Bea");
  let device = null;

  await step("what two devices change in one task is merged, field by field", async () => {
    const { page } = bea;
    await add(page, "Before");
    await stores(page, ["Before"]);
    device = await anotherDevice(bea);
    const { page: other } = device;
    await edit(page, "Before");
    await titleField(page).fill("Before noon");
    await edit(other, "Before");
    await other.getByLabel("Description").fill("written elsewhere");
    await other.getByRole("button", { name: "Save" }).click();
    await until(async () => (await stored(page)).at(-1).description === "written elsewhere");
    await titleField(page).press("Enter");
    await until(async () => (await stored(page)).at(-1).title === "Before noon");
    assert.equal((await stored(page)).at(-1).description, "written elsewhere");
  });

  await step("what both change is shown in both versions, and the person decides", async () => {
    const { page } = bea;
    const { page: other } = device;
    for (const [decision, kept] of [
      ["Keep mine", "mine"],
      ["Keep theirs", "theirs"],
    ]) {
      const [old] = (await titles(page)).slice(-1);
      await edit(page, old);
      await titleField(page).fill(`${decision}: mine`);
      await other.reload();
      await edit(other, old);
      await titleField(other).fill(`${decision}: theirs`);
      await other.keyboard.press("Enter");
      await until(async () => (await storedTitles(page)).at(-1) === `${decision}: theirs`);
      await titleField(page).press("Enter");
      const row = page
        .getByRole("listitem")
        .filter({ hasText: "This was changed elsewhere at the same time." });
      await row.getByText(`${decision}: theirs`).waitFor();
      await row.getByText(`${decision}: mine`).first().waitFor();
      assert.equal((await storedTitles(page)).at(-1), `${decision}: theirs`);
      await row.getByRole("button", { name: decision, exact: true }).click();
      await until(async () => (await storedTitles(page)).at(-1) === `${decision}: ${kept}`);
      await page.getByRole("main").getByText("This was changed elsewhere").waitFor({ state: "detached" });
    }
  });

  await step("a text that is being changed while the task is deleted elsewhere is not lost", async () => {
    const { page } = bea;
    const { page: other } = device;
    const [last] = await titles(page);
    await edit(page, last);
    await titleField(page).fill("Typed in vain");
    await other.reload();
    await remove(other, last);
    await other.goto("/account"); // what could still be undone is sent
    await until(async () => !(await storedTitles(page)).includes(last));
    await titleField(page).press("Enter");
    await page.getByRole("main").getByText("This was deleted elsewhere while you changed it.").waitFor();
    await page.getByRole("button", { name: "Add it again" }).click();
    await stores(page, ["Typed in vain"]);
  });

  await step(
    "a text that is being changed outlives its row: filter, search, reload, Escape, deletion",
    async () => {
      const { page } = bea;
      const { page: other } = device;
      const typed = "A text in the making";
      const isThere = async () => {
        await until(async () => (await titleField(page).inputValue()) === typed);
      };
      await edit(page, "Typed in vain");
      await titleField(page).fill(typed);
      await page.getByRole("link", { name: /^Completed/ }).click();
      await page.getByText(`Not finished: “${typed}”`).waitFor();
      await page.getByRole("button", { name: "Go on" }).click();
      await isThere();
      await page.getByLabel("Search").fill("nothing like it");
      await titleField(page).waitFor({ state: "detached" });
      await page.getByLabel("Search").fill("");
      await isThere();
      await page.reload();
      await isThere();
      await titleField(page).dispatchEvent("keydown", { key: "Escape", isComposing: true });
      await isThere();
      await titleField(page).press("Escape");
      await titleField(page).waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Undo" }).click();
      await isThere();
      await other.goto("/tasks");
      await remove(other, "Typed in vain");
      await other.goto("/account");
      await stores(page, []);
      await comeBack(page);
      await page.getByText(`Not finished: “${typed}”`).waitFor();
      await page.getByRole("button", { name: "Add as a task" }).click();
      await stores(page, [typed]);
    },
  );

  await step("what another device does is seen within 30 seconds, and asking costs a 304", async () => {
    const { context, page } = bea;
    const { page: other } = device;
    await other.goto("/tasks");
    await page.clock.install();
    await comeBack(page); // from now on its timers are those of this clock
    await until(() => reads(context).length > 0);
    context.requests.length = 0;
    await pass(page, 21);
    await until(() => reads(context).length > 0);
    const [asked] = reads(context);
    await asked.response();
    await pass(page, 21);
    await until(() => reads(context).length > 1);
    assert.equal((await reads(context)[1].response()).status(), 304);
    await add(other, "From afar");
    await until(async () => (await storedTitles(other))[0] === "From afar");
    await pass(page, 30);
    await task(page, "From afar").waitFor();
    await page.clock.resume();
  });

  await step("coming back costs a 304 as well", async () => {
    const { context, page } = bea;
    await listIsKept(page);
    context.requests.length = 0;
    await page.reload();
    await task(page, "From afar").waitFor();
    await until(async () => reads(context).length > 0 && (await reads(context)[0].response()) !== null);
    assert.equal((await reads(context)[0].response()).status(), 304);
    await device.context.close();
    await withoutComplaints(context, device.context);
    await context.close();
  });
}
