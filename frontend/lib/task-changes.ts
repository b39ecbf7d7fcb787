// What a user does to tasks, as data. A change is shown at once, on top of the tasks that the server last sent,
// and is gone again if the server refuses it: there is nothing to roll back.
import type { Task } from "./api";

export type Change =
  /** `id` is a negative number of this page's own, until the server has given the task one. */
  | { kind: "create"; id: number; title: string; description: string | null }
  | { kind: "edit"; id: number; title: string; description: string | null }
  | { kind: "complete"; id: number; title: string; completed: boolean }
  | { kind: "remove"; id: number; title: string };

/** What the server has said of one task. */
export type Fact = { task: Task } | { removed: number };

/** The tasks that were made in this page: from the page's own id to the server's. */
const saved = new Map<number, number>();
const madeHere = new Map<number, number>();
let lastOwnId = 0;

export function newOwnId(): number {
  lastOwnId -= 1;
  return lastOwnId;
}

export function rememberSaved(ownId: number, id: number): void {
  saved.set(ownId, id);
  madeHere.set(id, ownId);
}

/** The server's id of a task; undefined while the server has not stored it. */
export function savedId(id: number): number | undefined {
  return id > 0 ? id : saved.get(id);
}

/** A key that stays when a task made here gets the server's id, so that its row keeps the focus. */
export function rowKey(id: number): number {
  return madeHere.get(id) ?? id;
}

export function isSame(task: Task, id: number): boolean {
  return task.id === id || task.id === saved.get(id);
}

export function applyChange(tasks: Task[], change: Change): Task[] {
  switch (change.kind) {
    case "create":
      return saved.has(change.id) ? tasks : [draft(change), ...tasks];
    case "remove":
      return tasks.filter((task) => !isSame(task, change.id));
    case "edit":
      return replace(tasks, change.id, { title: change.title, description: change.description });
    case "complete":
      return replace(tasks, change.id, { completed: change.completed });
  }
}

/** The server's list with one task as the server now says it is. */
export function applyFact(tasks: Task[], fact: Fact): Task[] {
  if ("removed" in fact) return tasks.filter((task) => task.id !== fact.removed);
  const { task } = fact;
  if (tasks.some(({ id }) => id === task.id))
    return tasks.map((old) => (old.id === task.id ? newer(old, task) : old));
  const older = tasks.findIndex(({ id }) => id < task.id);
  return older < 0 ? [...tasks, task] : tasks.toSpliced(older, 0, task);
}

function newer(one: Task, other: Task): Task {
  return other.updated_at >= one.updated_at ? other : one;
}

function replace(tasks: Task[], id: number, content: Partial<Task>): Task[] {
  return tasks.map((task) => (isSame(task, id) ? { ...task, ...content } : task));
}

function draft({ id, title, description }: Extract<Change, { kind: "create" }>): Task {
  const now = new Date().toISOString();
  return { id, user_id: "", title, description, completed: false, created_at: now, updated_at: now };
}

export const TITLE_MAX = 200;
export const DESCRIPTION_MAX = 10_000;

/** What is wrong with a title or a description, counted as the server counts: by code points. */
export function problemsOf(title: string, description: string): { title?: string; description?: string } {
  const problems: { title?: string; description?: string } = {};
  const length = [...title.trim()].length;
  if (length === 0) problems.title = "Give the task a title.";
  if (length > TITLE_MAX) problems.title = `At most ${TITLE_MAX} characters; this has ${length}.`;
  const long = [...description].length;
  if (long > DESCRIPTION_MAX)
    problems.description = `At most ${DESCRIPTION_MAX} characters; this has ${long}.`;
  return problems;
}
