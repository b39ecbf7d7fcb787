// Writes lib/openapi-types.ts from the API's description; with --check it fails if the file is not up to date.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const SOURCE = new URL("../../tests/openapi.json", import.meta.url);
const TARGET = new URL("../lib/openapi-types.ts", import.meta.url);
const HEADER = "// Generated from tests/openapi.json by `npm run openapi`: do not edit.\n\n";

const types = HEADER + astToString(await openapiTS(SOURCE));
if (process.argv.includes("--check")) {
  if ((await readFile(TARGET, "utf8")) !== types) {
    console.error("lib/openapi-types.ts differs from tests/openapi.json: run `npm run openapi` in frontend/");
    process.exit(1);
  }
} else {
  await writeFile(TARGET, types);
}
