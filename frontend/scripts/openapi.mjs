// Writes the API's types from its descriptions; with --check it fails if a file is not up to date.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

/** What is always there, and what plugins add that the page knows. */
const TYPES = { "openapi-types.ts": "openapi.json", "openapi-plugin-types.ts": "openapi-plugins.json" };

for (const [target, source] of Object.entries(TYPES)) {
  const file = new URL(`../lib/${target}`, import.meta.url);
  const header = `// Generated from tests/${source} by \`npm run openapi\`: do not edit.\n\n`;
  const types = header + astToString(await openapiTS(new URL(`../../tests/${source}`, import.meta.url)));
  if (!process.argv.includes("--check")) await writeFile(file, types);
  else if ((await readFile(file, "utf8")) !== types) {
    console.error(`lib/${target} differs from tests/${source}: run \`npm run openapi\` in frontend/`);
    process.exitCode = 1;
  }
}
