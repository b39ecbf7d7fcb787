// What a person does to tasks, as data, and what is wrong with it.
import type { Task } from "./api";

export interface Content {
  title: string;
  description: string | null;
}

/** The server's id of a task, or the id of the record that creates it. */
export type TaskRef = number | string;

export type Change =
  | ({ kind: "create" } & Content)
  /** `base` is what the person saw and changed. */
  | ({ kind: "edit"; task: TaskRef; base: Content } & Content)
  | { kind: "complete"; task: TaskRef; completed: boolean; base: Content }
  /** Sent when nobody can undo it any more. */
  | { kind: "remove"; task: TaskRef; base: Content };

/** What the server has said of one task. */
export type Fact = { task: Task } | { removed: number };

/** Why a change is not sent (again) until the person has said what to do. */
export type Trouble =
  | { kind: "refused"; message: string; isByProxy?: boolean }
  /** Somebody else has changed the same text. */
  | { kind: "clash"; theirs: Content }
  /** Somebody else has deleted the task. */
  | { kind: "gone" };

/** What is to be said of a change that could not be made; what others did is a matter of its kind. */
export function sentenceOf(trouble: Trouble | undefined, kind: Change["kind"]): string {
  if (trouble?.kind === "gone")
    return "This was deleted elsewhere while you changed it. Your text is still here.";
  if (trouble?.kind === "clash")
    return kind === "remove"
      ? "This was changed elsewhere after you deleted it."
      : "This was changed elsewhere at the same time.";
  return trouble ? refusal(trouble) : "The server did not take this.";
}

/** The server names a field and what is wrong with it: “title: at most 200 characters”. */
function refusal({ message, isByProxy }: Trouble & { kind: "refused" }): string {
  if (isByProxy) return message;
  const [, field = "", what = ""] = /^(title|description): (.+)$/s.exec(message) ?? [];
  const said = (what || message).replace(/[.!?]?$/, ".");
  return field ? `The server did not take this ${field}: ${said}` : `The server did not take this. ${said}`;
}

export function contentOf({ title, description }: Content): Content {
  return { title, description };
}

export function isSameContent(one: Content, other: Content): boolean {
  return one.title === other.title && (one.description ?? "") === (other.description ?? "");
}

/** Both people's changes of `base` in one text, or null if both changed the same field. */
export function merge(base: Content, mine: Content, theirs: Content): Content | null {
  const title = mergeField(base.title, mine.title, theirs.title);
  const description = mergeField(base.description ?? "", mine.description ?? "", theirs.description ?? "");
  if (title === null || description === null) return null;
  return { title, description: description || null };
}

function mergeField(base: string, mine: string, theirs: string): string | null {
  if (mine === base || mine === theirs) return theirs;
  return theirs === base ? mine : null;
}

/** The server's list, the newest first, with one task as the server now says it is. */
export function applyFact(tasks: readonly Task[], fact: Fact): readonly Task[] {
  if ("removed" in fact) return tasks.filter((task) => task.id !== fact.removed);
  const { task } = fact;
  const index = tasks.findIndex(({ id }) => id <= task.id);
  const old = tasks[index];
  if (old === undefined) return [...tasks, task];
  if (old.id !== task.id) return tasks.toSpliced(index, 0, task);
  return old.updated_at > task.updated_at ? tasks : tasks.with(index, task);
}

export const TITLE_MAX = 200;
export const DESCRIPTION_MAX = 10_000;

export interface Problems {
  title?: string;
  description?: string;
}

/** What is wrong with a title or a description, counted as the server counts: by code points. */
export function problemsOf(title: string, description: string): Problems {
  const problems: Problems = {};
  const length = [...title.trim()].length;
  if (length === 0) problems.title = "Give the task a title.";
  if (length > TITLE_MAX) problems.title = `At most ${TITLE_MAX} characters; this has ${length}.`;
  const long = [...description].length;
  if (long > DESCRIPTION_MAX)
    problems.description = `At most ${DESCRIPTION_MAX} characters; this has ${long}.`;
  return problems;
}

/** What was typed, as the server takes it: no white space around the title, no characters that nothing can store. */
export function cleaned(title: string, description: string): Content {
  const trimmed = storable(title).replaceAll(/^[\s\x85]+|[\s\x85]+$/g, "");
  return { title: trimmed, description: storable(description) || null };
}

function storable(text: string): string {
  return text.replaceAll("\0", "").replaceAll(/\p{Surrogate}/gu, "\ufffd");
}

/** The titles in a pasted text, or none if it is a single line. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.replace(BULLET, "").trim());
  const titles = lines.filter((line) => line !== "");
  return titles.length > 1 ? titles : [];
}

const BULLET = /^\s*(?:[-*•–]\s+(?:\[[ xX]?\]\s+)?|\d+[.)]\s+)/;
