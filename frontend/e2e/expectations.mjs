// What people are used to elsewhere: undo, pasting, searching, printing, touching, keys.
import assert from "node:assert/strict";
import {
  add,
  ask,
  edit,
  newPerson,
  pass,
  remove,
  shows,
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

/** Each step has a person of its own. */
export async function whatPeopleExpect() {
  await step(
    "everything can be undone, the last thing first, also what the server has stored long ago",
    async () => {
      const { page } = await newPerson("Una");
      await page.clock.install();
      const undo = async () => {
        await page.locator("body").press("Control+z");
      };
      await add(page, "Kept");
      await add(page, "Added");
      await stores(page, ["Added", "Kept"]);
      await page.getByRole("checkbox", { name: "Kept" }).click();
      await edit(page, "Kept");
      await titleField(page).fill("Changed");
      await page.keyboard.press("Enter");
      await until(
        async () => (await stored(page))[1].title === "Changed" && (await stored(page))[1].completed,
      );
      await remove(page, "Changed");
      await pass(page, 8);
      await stores(page, ["Added"]);
      await page.evaluate(() => document.activeElement.blur());
      await undo();
      await until(
        async () => (await stored(page))[0].title === "Changed" && (await stored(page))[0].completed,
      );
      await undo();
      await shows(page, ["Kept", "Added"]);
      await undo();
      await until(async () => !(await stored(page))[0].completed);
      await undo();
      await shows(page, ["Kept"]);
      await page.close();
    },
  );

  await step("one message at a time, and one undo for what was cleared at once", async () => {
    const { page } = await newPerson("Una");
    for (const title of ["Left", "Done", "Done too"]) await add(page, title);
    for (const title of ["Done", "Done too"])
      await page.getByRole("checkbox", { name: title, exact: true }).click();
    await page.getByText("Completed “Done too”").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 1);
    await page.getByRole("button", { name: "Clear completed" }).click();
    await shows(page, ["Left"]);
    await page.getByText("Deleted 2 completed tasks").first().waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await shows(page, ["Done too", "Done", "Left"]);
    await page.close();
  });

  await step("a double click on a bin deletes one task", async () => {
    const { page } = await newPerson("Una");
    for (const title of ["Lower", "Upper"]) await add(page, title);
    await task(page, "Upper").hover();
    const { x, y } = await page.getByRole("button", { name: "Delete Upper" }).boundingBox();
    await page.mouse.click(x + 9, y + 9);
    await shows(page, ["Lower"]); // and now another bin is below the mouse
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await page.getByRole("checkbox", { name: "Lower" }).focus();
    await shows(page, ["Lower"]);
    await page.close();
  });

  await step("several pasted lines are a task each, in their order; one undo takes them back", async () => {
    const { page } = await newPerson("Una");
    const paste = (text) =>
      page.getByLabel("New task").evaluate((input, pasted) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", pasted);
        input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      }, text);
    const long = "so much to say ".repeat(20).trim();
    await paste(`- Milk\r\n* Bread\n\n  3. [Salt]\n${long}`);
    await page.getByText("Added 4 tasks").first().waitFor();
    await until(async () => (await storedTitles(page)).length === 4);
    const [milk, bread, salt, last] = await titles(page);
    assert.deepEqual([milk, bread, salt], ["Milk", "Bread", "[Salt]"]);
    assert.ok(last.endsWith("…"));
    assert.equal((await stored(page)).find(({ title }) => title === last).description, long);
    await page.getByRole("button", { name: "Undo" }).click();
    await shows(page, []);
    await page.close();
  });

  await step(
    "search: a key leads there, accents and capitals make no difference, descriptions count",
    async () => {
      const { page } = await newPerson("Una");
      for (const title of ["Café crème", "Tea"]) await add(page, title);
      await edit(page, "Tea");
      await page.getByLabel("Description").fill("not COFFEE");
      await page.keyboard.press("Control+Enter");
      await page.keyboard.press("/");
      await page.keyboard.type("CREME cafe");
      await shows(page, ["Café crème"]);
      await page.locator("[data-announced]").getByText("1 task").waitFor();
      await page.getByLabel("Search").fill("coffee");
      await shows(page, ["Tea"]);
      await page.getByLabel("Search").fill("gin");
      await page.getByText("No task here has “gin” in it.").waitFor();
      await page.getByRole("button", { name: "Clear the search" }).click();
      await shows(page, ["Tea", "Café crème"]);
      await page.close();
    },
  );

  await step(
    "a long description is read without editing, its links are links, each text has its direction",
    async () => {
      const { page } = await newPerson("Una");
      await add(page, "שלום!");
      assert.equal(await page.getByRole("listitem").getByText("שלום!").getAttribute("dir"), "auto");
      await edit(page, "שלום!");
      await page
        .getByLabel("Description")
        .fill(`${"word ".repeat(60)}\nhttps://example.com/a?b=c, <b>x</b>\njavascript:alert(1)`);
      await page.keyboard.press("Control+Enter");
      const link = page.getByRole("link", { name: "https://example.com/a?b=c" });
      assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
      assert.equal(
        await page
          .getByRole("main")
          .getByRole("link", { name: /javascript|<b>/ })
          .count(),
        0,
      );
      const height = async () => (await page.getByRole("listitem").boundingBox()).height;
      const short = await height();
      await page.getByRole("button", { name: "Show all" }).click();
      await until(async () => (await height()) > short);
      await page.close();
    },
  );

  await step(
    "what is added under “Completed” can be seen, and is announced like all that is done",
    async () => {
      const { page } = await newPerson("Una");
      await page.getByRole("link", { name: /^Completed/ }).click();
      await page.getByLabel("New task").fill("Where am I?");
      await page.keyboard.press("Enter");
      await shows(page, ["Where am I?"]);
      await page.locator("[data-announced]").getByText("Added “Where am I?”").waitFor();
      await page.getByRole("checkbox", { name: "Where am I?" }).click();
      await page.getByRole("status").getByText("Completed “Where am I?”").first().waitFor();
      await page.close();
    },
  );

  await step("on paper all tasks are there, whole and dark", async () => {
    const { page } = await newPerson("Una", { colorScheme: "dark" });
    await ask({ seed: await userId(page), count: 60 });
    await page.reload();
    await task(page, "Task 60").waitFor();
    await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("listitem").count(), 60);
    const tops = await page
      .getByRole("listitem")
      .evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().top));
    assert.ok(
      tops.every((top, index) => index === 0 || top > tops[index - 1]),
      "rows lie on one another",
    );
    const ink = await page.getByText("Task 60").evaluate((text) => getComputedStyle(text).color);
    assert.equal(ink, "rgb(0, 0, 0)");
    assert.equal(await page.getByLabel("New task").isVisible(), false);
    await page.close();
  });

  await step("on a touch screen everything is as large as a finger, and a tap opens a task", async () => {
    const { page } = await newPerson("Una", {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 390, height: 780 },
    });
    await add(page, "Tap me");
    const targets = await page
      .locator("main a:visible, main button:visible, main label:visible, header button:visible")
      .evaluateAll((all) =>
        all
          .map((one) => [one.getAttribute("aria-label") ?? one.textContent, one.getBoundingClientRect()])
          .filter(([, { width, height }]) => width > 1 && Math.min(width, height) < 43)
          .map(([name, { width, height }]) => `${name}: ${width} × ${height}`),
      );
    assert.deepEqual(targets, []);
    await page.getByRole("listitem").getByText("Tap me").tap();
    await titleField(page).waitFor();
    await page.getByText(/^Added .*\d{4}/).waitFor();
    await page.getByRole("button", { name: "Delete", exact: true }).tap();
    await shows(page, []);
    await page.close();
  });

  await step("the keys of the legend do what it says, from the first task to the last", async () => {
    const { page } = await newPerson("Una");
    for (const title of ["C", "B", "A"]) await add(page, title);
    await page.getByRole("checkbox", { name: "A" }).focus();
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    const focused = (name) =>
      until(() => page.evaluate((label) => document.activeElement.ariaLabel === label, name));
    await page.getByRole("checkbox", { name: "A" }).focus();
    for (const [key, name] of [
      ["End", "C"],
      ["ArrowUp", "B"],
      ["Home", "A"],
      ["ArrowDown", "B"],
    ]) {
      await page.keyboard.press(key);
      await focused(name);
    }
    await page.keyboard.press("Enter");
    await page.keyboard.type("B2");
    await page.keyboard.press("Enter");
    await focused("B2");
    await page.keyboard.press("Space");
    await until(() => page.getByRole("checkbox", { name: "B2" }).isChecked());
    await page.keyboard.press("Delete");
    await shows(page, ["A", "C"]);
    await focused("C");
    await page.close();
  });

  await step("without a mouse: add, complete, edit, filter, delete, undo", async () => {
    const grace = await newPerson("Grace");
    const { page } = grace;
    const press = async (...keys) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    const focusedName = () =>
      page.evaluate(
        () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent,
      );
    const tabTo = async (name) => {
      for (let presses = 0; (await focusedName()) !== name; presses += 1) {
        assert.ok(presses < 30, `the focus never came to ${name}`);
        await press("Tab");
      }
    };
    await tabTo("New task");
    await page.keyboard.type("Water the plants");
    await press("Enter");
    await page.keyboard.type("Feed the cat");
    await press("Enter");
    await shows(page, ["Feed the cat", "Water the plants"]);
    await tabTo("Feed the cat");
    await press("Space");
    await press("ArrowDown");
    await until(async () => (await focusedName()) === "Water the plants");
    await press("Enter");
    await page.keyboard.type("Water all plants");
    await press("Enter");
    await shows(page, ["Feed the cat", "Water all plants"]);
    await until(async () => (await focusedName()) === "Water all plants");
    await press("Delete");
    await shows(page, ["Feed the cat"]);
    await until(async () => (await focusedName()) === "Feed the cat");
    await press("Control+z");
    await shows(page, ["Feed the cat", "Water all plants"]);
    await page.getByLabel("New task").focus();
    await tabTo("Completed1");
    await press("Enter");
    await shows(page, ["Feed the cat"]);
    await until(
      async () => (await stored(page))[1].title === "Water all plants" && (await stored(page))[0].completed,
    );
    await withoutComplaints(grace.context);
    await grace.context.close();
  });
}

async function userId(page) {
  return page.evaluate(
    () =>
      JSON.parse(
        atob(localStorage.getItem("taskward.token").split(".")[1].replaceAll("-", "+").replaceAll("_", "/")),
      ).sub,
  );
}
