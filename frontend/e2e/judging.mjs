// What programs judge pages by: axe, what shifts, what sticks out.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { until } from "./harness.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const SCHEMES = ["light", "dark"];

export async function violations(visited) {
  // As Playwright evaluates it, axe is no script of the page: the policy stays as it is.
  if (!(await visited.evaluate(() => "axe" in globalThis))) await visited.evaluate(AXE);
  const { violations: found } = await visited.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
}

export async function shift(visited) {
  return visited.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
        });
        observer.observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
  );
}

/** The page has taken the scheme, and no colour is on its way any more. */
export async function settled(visited, scheme) {
  const isDark = () => visited.evaluate(() => document.documentElement.classList.contains("dark"));
  await until(async () => (await isDark()) === (scheme === "dark"));
  await until(() =>
    visited.evaluate(() => document.getAnimations().every(({ playState }) => playState !== "running")),
  );
}

/** By how many pixels the page is wider than the window. */
export async function overhang(visited) {
  return visited.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
