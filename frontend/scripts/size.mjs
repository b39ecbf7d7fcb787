// The JavaScript that a page loads first, gzipped: `npm run size`. Fails above the budget, and a build with it.
import { readFile, stat } from "node:fs/promises";

/** What is reached, with a little room; pages without scripts stay so. */
const BUDGETS = { "/": 0, "/404": 0, "/tasks": 172_500, "/account": 176_000 };
const OTHERS = 175_000;
const WEB = new URL("../../packages/taskward/src/taskward/web/", import.meta.url);
const pages = JSON.parse(await readFile(new URL("pages.json", WEB), "utf8"));

async function firstLoad(html) {
  const tags = html.match(/<script[^>]*\ssrc="[^"]+"[^>]*>/g) ?? [];
  const loaded = tags.filter((tag) => !/\snoModule/i.test(tag)).map((tag) => tag.match(/src="([^"]+)"/)[1]);
  const files = [...new Set(loaded)].map((path) => pages[path].file);
  const sizes = await Promise.all(files.map(async (file) => (await stat(new URL(`${file}.gzip`, WEB))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

for (const [path, { file }] of Object.entries(pages)) {
  if (!file.endsWith(".html")) continue;
  const size = await firstLoad(await readFile(new URL(file, WEB), "utf8"));
  console.log(JSON.stringify({ path, gzipped: size }));
  if (size > (BUDGETS[path] ?? OTHERS)) process.exitCode = 1;
}
