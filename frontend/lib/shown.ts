// The list as it is shown: what the server has said, with the changes that it has not confirmed on top.
import type { Task } from "./api";
import type { Change, TaskRef } from "./changes";
import type { ChangeRecord } from "./records";

/** How far the changes of a task have come; `waiting` ones could not be sent, and are tried again. */
export type State = "saved" | "saving" | "waiting" | "trouble";

export interface ShownTask {
  /** The same from before the task was stored until after. */
  key: string;
  ref: TaskRef;
  title: string;
  description: string | null;
  completed: boolean;
  createdAt: string | null;
  updatedAt: string | null;
  state: State;
  /** The change that waits for the person to say what to do. */
  troubled: ChangeRecord | null;
}

/** How far a record has come that is not confirmed: as fresh as if it were saved, under way for a while, or failed. */
export type Progress = ReadonlyMap<string, "saving" | "waiting">;

/** The server's id where there is one. */
export function resolve(ref: TaskRef, records: ReadonlyMap<string, ChangeRecord>): TaskRef {
  return typeof ref === "number" ? ref : (records.get(ref)?.savedAs ?? ref);
}

/** The records that change the same task, in the order in which they are sent, by the task. */
export function lanesOf(records: readonly ChangeRecord[]): Map<TaskRef, ChangeRecord[]> {
  const byId = new Map(records.map((record) => [record.id, record]));
  const lanes = new Map<TaskRef, ChangeRecord[]>();
  for (const record of [...records].sort((a, b) => a.order - b.order)) {
    if (record.savedAs !== undefined) continue;
    const { change } = record;
    const ref = change.kind === "create" ? record.id : resolve(change.task, byId);
    const lane = lanes.get(ref);
    if (lane) lane.push(record);
    else lanes.set(ref, [record]);
  }
  return lanes;
}

const unchanged = new WeakMap<Task, ShownTask>();

export function compose(
  facts: readonly Task[],
  records: readonly ChangeRecord[],
  progress: Progress,
): ShownTask[] {
  const lanes = lanesOf(records);
  const keys = new Map<number, string>();
  for (const { id, savedAs } of records) if (savedAs !== undefined) keys.set(savedAs, id);
  const listed: ShownTask[] = [];
  for (const task of facts) {
    const lane = lanes.get(task.id);
    lanes.delete(task.id);
    const row = shownFact(task, keys.get(task.id));
    const shown = lane ? withChanges(row, lane, progress) : row;
    if (shown) listed.push(shown);
  }
  const unlisted: ShownTask[] = [];
  for (const [ref, lane] of lanes) {
    const shown = withChanges(null, lane, progress, ref);
    if (shown) unlisted.unshift(shown);
  }
  return [...unlisted, ...listed];
}

function shownFact(task: Task, key = String(task.id)): ShownTask {
  const known = unchanged.get(task);
  if (known?.key === key) return known;
  const { title, description, completed } = task;
  const shown: ShownTask = {
    key,
    ref: task.id,
    title,
    description,
    completed,
    createdAt: task.created_at,
    updatedAt: task.updated_at,
    state: "saved",
    troubled: null,
  };
  unchanged.set(task, shown);
  return shown;
}

/** A row with what was done to it; null if it is removed, or of a task that is gone and holds nobody's text. */
function withChanges(
  row: ShownTask | null,
  lane: readonly ChangeRecord[],
  progress: Progress,
  ref: TaskRef = row?.ref ?? "",
): ShownTask | null {
  const troubled = lane.find(({ trouble }) => trouble !== undefined) ?? null;
  let shown = row ? { ...row } : blank(ref);
  let isThere = row !== null || lane.some(({ change, trouble }) => change.kind === "create" || trouble);
  for (const { change, trouble } of lane) {
    if (change.kind === "remove" && !trouble) isThere = false;
    shown = { ...shown, ...contentAfter(change) };
  }
  if (!isThere) return null;
  return { ...shown, state: troubled ? "trouble" : stateOf(lane, progress), troubled };
}

function contentAfter(change: Change): Partial<ShownTask> {
  if (change.kind === "complete") return { completed: change.completed };
  if (change.kind === "remove") return {};
  return { title: change.title, description: change.description };
}

function stateOf(lane: readonly ChangeRecord[], progress: Progress): State {
  const states = lane.map(({ id }) => progress.get(id));
  if (states.includes("waiting")) return "waiting";
  return states.includes("saving") ? "saving" : "saved";
}

function blank(ref: TaskRef): ShownTask {
  return {
    key: String(ref),
    ref,
    title: "",
    description: null,
    completed: false,
    createdAt: null,
    updatedAt: null,
    state: "saved",
    troubled: null,
  };
}
