// Originals of all settings in one process, which loads and compiles their libraries once.
//
// Reads lines of JSON: {"start": id, "env": {…}} or {"stop": id}; answers each with a line {} or
// {"error": …}. Whatever else is said goes to standard error. Ends when its standard input closes.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { serve } from "./original-server.mjs";

console.log = console.info = console.debug = console.error;
const running = new Map();

async function obey({ start, stop, env }) {
  if (start !== undefined) running.set(start, await serve(env));
  else await running.get(stop)();
}

for await (const line of createInterface({ input: process.stdin })) {
  const failed = await obey(JSON.parse(line)).then(() => undefined, (error) => error);
  writeSync(1, `${JSON.stringify(failed ? { error: failed.stack } : {})}\n`);
}
process.exit(0);
