// The JavaScript that a page loads first, gzipped: `npm run size`. Fails above the budget.
import { readFile, stat } from "node:fs/promises";

const BUDGET = 150_000;
const OUT = new URL("../out/", import.meta.url);
const pages = JSON.parse(await readFile(new URL("pages.json", OUT), "utf8"));

async function firstLoad(html) {
  const tags = html.match(/<script[^>]*\ssrc="[^"]+"[^>]*>/g) ?? [];
  const loaded = tags.filter((tag) => !/\snoModule/i.test(tag)).map((tag) => tag.match(/src="([^"]+)"/)[1]);
  const files = [...new Set(loaded)].map((path) => pages[path].file);
  const sizes = await Promise.all(files.map(async (file) => (await stat(new URL(`${file}.gzip`, OUT))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

for (const [path, { file }] of Object.entries(pages)) {
  if (!file.endsWith(".html")) continue;
  const size = await firstLoad(await readFile(new URL(file, OUT), "utf8"));
  console.log(JSON.stringify({ path, gzipped: size }));
  if (size > BUDGET) process.exitCode = 1;
}
