// What the page makes of changes, without a browser: `node --import tsx --test tests/changes.test.ts`.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "../lib/api";
import { applyFact, type Change, cleaned, linesOf, merge, sentenceOf } from "../lib/changes";
import type { ChangeRecord } from "../lib/records";
import { compose } from "../lib/shown";

function task(id: number, more: Partial<Task> = {}): Task {
  const at = "2026-01-08T10:30:00.123Z";
  return {
    id,
    user_id: "me",
    title: `${id}`,
    description: null,
    completed: false,
    created_at: at,
    updated_at: at,
    ...more,
  };
}

let order = 0;
function record(change: Change, more: Partial<ChangeRecord> = {}): ChangeRecord {
  order += 1;
  return { id: `r${order}`, tab: "t", order, change, ...more };
}

const base = { title: "old", description: "text" };

test("two changes of one text are merged unless both changed the same field", () => {
  const mine = { ...base, title: "mine" };
  assert.deepEqual(merge(base, mine, { ...base, description: "theirs" }), {
    title: "mine",
    description: "theirs",
  });
  assert.deepEqual(merge(base, mine, mine), mine);
  assert.deepEqual(merge(base, base, { ...base, title: "theirs" }), { title: "theirs", description: "text" });
  assert.equal(merge(base, mine, { ...base, title: "theirs" }), null);
  assert.deepEqual(merge(base, { ...base, description: null }, base), { title: "old", description: null });
});

test("what the server says of a task takes its place, and never an older word that of a newer one", () => {
  const list = [task(3), task(1)];
  assert.deepEqual(
    applyFact(list, { task: task(2) }).map(({ id }) => id),
    [3, 2, 1],
  );
  assert.deepEqual(
    applyFact(list, { task: task(0) }).map(({ id }) => id),
    [3, 1, 0],
  );
  assert.deepEqual(
    applyFact(list, { removed: 3 }).map(({ id }) => id),
    [1],
  );
  const newer = task(1, { title: "newer", updated_at: "2027-01-01T00:00:00.000Z" });
  assert.equal(applyFact([newer], { task: task(1) })[0]?.title, "newer");
});

test("pasted lines are titles without what marks them in other lists; one line is none", () => {
  assert.deepEqual(linesOf("- [ ] a\r\n* b\n\n 2) c\r• d"), ["a", "b", "c", "d"]);
  assert.deepEqual(linesOf("only one\n"), []);
  assert.deepEqual(linesOf("-5 degrees\n3 apples"), ["-5 degrees", "3 apples"]);
});

test("what nothing can store is taken out of a text, and nothing else", () => {
  assert.deepEqual(cleaned(" a\0b\ud800 ", "😀"), { title: "ab\ufffd", description: "😀" });
  assert.equal(cleaned("a", "").description, null);
});

test("changes stand on top of what the server said, the newest task first", () => {
  const made = record({ kind: "create", title: "made", description: null });
  const records = [
    made,
    record({ kind: "complete", task: made.id, completed: true, base }),
    record({ kind: "edit", task: 1, title: "edited", description: null, base }),
    record({ kind: "remove", task: 2, base }),
  ];
  const shown = compose([task(2), task(1)], records, new Map([[made.id, "waiting"]]));
  assert.deepEqual(
    shown.map(({ title, completed, state }) => [title, completed, state]),
    [
      ["made", true, "waiting"],
      ["edited", false, "saved"],
    ],
  );
});

test("a task keeps its key when it is stored, and changes of it find it", () => {
  const made = record({ kind: "create", title: "", description: null }, { savedAs: 7 });
  const later = record({ kind: "complete", task: made.id, completed: true, base });
  const [shown] = compose([task(7)], [made, later], new Map());
  assert.deepEqual([shown?.key, shown?.ref, shown?.completed], [made.id, 7, true]);
});

test("a text whose task is gone is shown as long as somebody has to decide", () => {
  const edit = record(
    { kind: "edit", task: 9, title: "mine", description: null, base },
    { trouble: { kind: "gone" } },
  );
  const complete = record({ kind: "complete", task: 8, completed: true, base });
  const shown = compose([], [edit, complete], new Map());
  assert.deepEqual(
    shown.map(({ title, state }) => [title, state]),
    [["mine", "trouble"]],
  );
});

test("a refusal is a sentence of plain words, whatever the server names", () => {
  const said = (message: string, isByProxy = false) =>
    sentenceOf({ kind: "refused", message, isByProxy }, "edit");
  assert.equal(said("title: not today"), "The server did not take this title: not today.");
  assert.equal(
    said("description: at most 10000 characters; title: no"),
    "The server did not take this description: at most 10000 characters; title: no.",
  );
  assert.equal(said("Not now!"), "The server did not take this. Not now.");
  assert.equal(said("It is too long.", true), "It is too long.");
});
