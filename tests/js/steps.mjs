// Named steps, one JSON line each: {"step", "ok", "detail"}; later steps run even if one fails.
import assert from "node:assert/strict";

let failed = 0;

function report(line) {
  console.log(JSON.stringify(line));
}

export async function step(name, body) {
  try {
    report({ step: name, ok: true, detail: (await body()) ?? null });
  } catch (error) {
    failed += 1;
    report({ step: name, ok: false, detail: error.message });
  }
}

export function finish() {
  process.exitCode = failed > 0 ? 1 : 0;
}

// The data of a client's answer, which must carry no error.
export function data(answer) {
  assert.equal(answer.error, null, `unexpected error ${JSON.stringify(answer.error)}`);
  return answer.data;
}

// The error of a client's answer must have this status and this code.
export function refused(answer, status, code) {
  assert.equal(answer.data, null, `unexpected data ${JSON.stringify(answer.data)}`);
  assert.deepEqual([answer.error.status, answer.error.code], [status, code]);
}

export { assert };
