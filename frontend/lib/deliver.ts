// One change brought to the server. Sending it again is safe at any time: a create has a key, and each other
// change is compared with what the server has, and then made on that version only.
import { ApiError, type ChangeOptions, type Task } from "./api";
import { type Change, contentOf, type Fact, isSameContent, merge, type Trouble } from "./changes";
import { taskward } from "./clients";
import type { ChangeRecord } from "./records";

/** The change cannot be made as it is: the person has to say what is to become of it. */
export class TroubleError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble.kind);
  }
}

export interface Delivery {
  userId: string;
  record: ChangeRecord;
  /** The task's id; undefined for a create. */
  id: number | undefined;
  /** What the server last said of the task, if anything. */
  known: Task | undefined;
  /** All that the server last said: to look for a task that may have been stored long ago. */
  facts: readonly Task[];
}

const VERSIONS_TRIED = 5;
const KEEPALIVE_LENGTH = 8_000;
/** The server remembers a key for 24 hours. */
const KEY_HOURS = 23;

/** Make the change; what the server then says. */
export async function deliver(delivery: Delivery): Promise<Fact> {
  const { record, id } = delivery;
  if (record.change.kind === "create") return create(delivery, record.change);
  if (id === undefined) throw new TroubleError({ kind: "gone" });
  return changeVersion(delivery, record.change, id);
}

async function create(
  { userId, record, facts }: Delivery,
  content: Change & { kind: "create" },
): Promise<Fact> {
  const { title, description } = content;
  const forgotten = record.sentAt !== undefined && Date.now() - record.sentAt > KEY_HOURS * 3_600_000;
  const stored = forgotten ? facts.find((task) => isSameContent(task, content)) : undefined;
  if (stored) return { task: stored };
  const keepalive = title.length + (description?.length ?? 0) < KEEPALIVE_LENGTH;
  const options = { userId, idempotencyKey: record.id, keepalive };
  return { task: await taskward.tasks.create({ title, description }, options) };
}

type ChangeOfTask = Exclude<Change, { kind: "create" }>;

/** Make the change on the version that is known, and if there is a newer one, on that. */
async function changeVersion({ userId, known }: Delivery, change: ChangeOfTask, id: number): Promise<Fact> {
  for (let version = known, tried = 1; ; tried += 1) {
    try {
      version ??= await taskward.tasks.get(id, { userId });
      return await make(change, version, { userId, ifMatch: version, keepalive: change.kind !== "edit" });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404 && error.isFromAPI) return missing(change, id);
      if (error.status !== 412 || tried >= VERSIONS_TRIED) throw error;
      version = undefined;
    }
  }
}

async function make(change: ChangeOfTask, version: Task, options: ChangeOptions): Promise<Fact> {
  if (change.kind === "edit") return edit(change, version, options);
  if (change.kind === "complete") {
    if (version.completed === change.completed) return { task: version };
    return { task: await taskward.tasks.toggle(version.id, options) };
  }
  if (!isSameContent(version, change.base))
    throw new TroubleError({ kind: "clash", theirs: contentOf(version) });
  await taskward.tasks.remove(version.id, options);
  return { removed: version.id };
}

async function edit(change: Change & { kind: "edit" }, version: Task, options: ChangeOptions): Promise<Fact> {
  const merged = merge(change.base, change, version);
  if (merged === null) throw new TroubleError({ kind: "clash", theirs: contentOf(version) });
  if (isSameContent(merged, version)) return { task: version };
  const { completed } = version;
  return { task: await taskward.tasks.replace(version.id, { ...merged, completed }, options) };
}

/** Nobody's text is lost if a task is gone that was to be completed, or deleted. */
function missing(change: ChangeOfTask, id: number): Fact {
  if (change.kind === "edit") throw new TroubleError({ kind: "gone" });
  return { removed: id };
}
