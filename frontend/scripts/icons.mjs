// The icons as PNG, drawn from public/icon.svg: CHROMIUM=<browser> node scripts/icons.mjs
import { readFile, writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const PUBLIC = new URL("../public/", import.meta.url);
const svg = await readFile(new URL("icon.svg", PUBLIC), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage();
for (const [name, size, inset] of [
  ["icon-192", 192, 0],
  ["icon-512", 512, 0],
  ["icon-maskable-512", 512, 52],
]) {
  await page.setViewportSize({ width: size, height: size });
  const drawn = svg.replace("<svg", `<svg width="${size - 2 * inset}" height="${size - 2 * inset}"`);
  const background = inset ? "#f6f3ec" : "transparent";
  await page.setContent(
    `<body style="margin:0;padding:${inset}px;background:${background};box-sizing:border-box">${drawn}`,
  );
  await writeFile(new URL(`${name}.png`, PUBLIC), await page.screenshot({ omitBackground: true }));
}
await browser.close();
