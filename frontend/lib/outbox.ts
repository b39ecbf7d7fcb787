// Sends the records of this tab: changes of one task in order, of several tasks at once; again, as long as the
// server cannot be reached; and never against the person's will.
import { ApiError } from "./api";
import type { Fact, TaskRef, Trouble } from "./changes";
import { deliver, TroubleError } from "./deliver";
import type { Facts } from "./facts";
import { type ChangeRecord, exclusively, type Shelf, TAB } from "./records";
import { lanesOf, resolve } from "./shown";

const AT_ONCE = 6;
/** Creates are sent in the order in which they were typed, but none waits longer than this for another. */
const STAGGER_MILLISECONDS = 250;
const SLOW_MILLISECONDS = 1_000;
const LONGEST_PAUSE_SECONDS = 20;
const FINAL = new Set([400, 403, 404, 405, 413, 414, 415, 422, 431]);
/** What a proxy says of itself, or of a server that is not there yet: another time it may say something else. */
const PASSING = new Set([401, 404, 407, 408, 409, 412, 421, 423, 425, 429]);
const TOO_LONG = new Set([413, 414, 431]);
/** For so long a deletion waits in this browser, where undoing it costs nothing. */
export const UNDO_SECONDS = 7;

/** What the server has said of a record, and what is left of that. */
export interface Confirmed {
  fact: Fact;
  id: string;
  left: ChangeRecord | null;
}

export class Outbox {
  /** Records that are not confirmed after a second, and those that could not be sent. */
  progress: ReadonlyMap<string, "saving" | "waiting"> = new Map();
  private readonly busy = new Set<TaskRef>();
  private readonly failed = new Set<string>();
  private readonly firstSeen = new Map<string, number>();
  /** Until when deletions can be undone. */
  private readonly heldUntil = new Map<string, number>();
  private lastCreateAt = 0;
  private creating = 0;
  private pauseUntil = 0;
  /** Until when the server itself asked to be left alone. */
  private askedUntil = 0;
  private pauseSeconds = 1;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isSending = false;
  private isStopped = true;

  constructor(
    private readonly userId: string,
    private readonly records: Shelf<ChangeRecord>,
    private readonly facts: Facts,
    private readonly onChange: () => void,
    private readonly onConfirmed: (confirmed: Confirmed) => void,
  ) {}

  start(): void {
    this.isStopped = false;
    this.send();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Try everything now, as a person who asks for it wants, whatever was to be waited for. */
  tryNow(): void {
    this.askedUntil = 0;
    this.tryAgain();
  }

  /** Try everything as soon as the server wants to hear of it: it may be in reach again. */
  tryAgain(): void {
    this.pauseUntil = this.askedUntil;
    this.pauseSeconds = 1;
    this.send();
  }

  /** What is neither confirmed nor in need of a decision: what is still to be sent. */
  unsent(): ChangeRecord[] {
    return this.records
      .all()
      .filter(({ savedAs, trouble }) => savedAs === undefined && trouble === undefined);
  }

  /** Whether waiting a little may help: something is on its way, and nothing has just failed. */
  progressIsPossible(): boolean {
    return !this.isStopped && this.pauseUntil <= now();
  }

  /** Send whatever may be sent now, and come back for the rest: once for all that happens in a moment. */
  send(): void {
    if (this.isSending) return;
    this.isSending = true;
    queueMicrotask(() => {
      this.isSending = false;
      if (!this.isStopped) this.sendNow();
    });
  }

  private sendNow(): void {
    clearTimeout(this.timer);
    let next = Number.POSITIVE_INFINITY;
    for (const [lane, records] of lanesOf(this.records.all())) {
      const [first] = records;
      if (!first) continue;
      const due = this.dueAt(lane, first);
      if (due <= now()) void this.run(lane, first);
      else next = Math.min(next, due);
    }
    this.measure();
    const wake = this.unsent().length > 0 ? Math.min(next, now() + SLOW_MILLISECONDS) : next;
    if (Number.isFinite(wake)) this.timer = setTimeout(() => this.send(), Math.max(wake - now(), 10));
  }

  /** When the first record of a lane may be sent. */
  private dueAt(lane: TaskRef, first: ChangeRecord): number {
    const never = Number.POSITIVE_INFINITY;
    if (first.trouble || first.tab !== TAB || this.busy.has(lane)) return never;
    if (this.busy.size >= AT_ONCE) return never;
    const staggered =
      first.change.kind === "create" && this.creating > 0 ? this.lastCreateAt + STAGGER_MILLISECONDS : 0;
    return Math.max(this.pauseUntil, this.held(first), staggered);
  }

  /** Until when a record can be undone: no longer than that ever is, whatever becomes of the computer's clock. */
  private held({ id, notBefore = 0 }: ChangeRecord): number {
    if (notBefore === 0) return 0;
    const left = Math.min(Math.max(notBefore - Date.now(), 0), UNDO_SECONDS * 1000);
    const until = this.heldUntil.get(id) ?? now() + left;
    this.heldUntil.set(id, until);
    return until;
  }

  private async run(lane: TaskRef, { id, change }: ChangeRecord): Promise<void> {
    const creates = change.kind === "create";
    this.busy.add(lane);
    if (creates) {
      this.creating += 1;
      this.lastCreateAt = now();
    }
    try {
      await exclusively(`${this.userId}.${lane}`, () => this.sendOne(id));
    } finally {
      this.busy.delete(lane);
      if (creates) this.creating -= 1;
      this.send();
    }
  }

  private async sendOne(id: string): Promise<void> {
    const record = this.records.get(id);
    if (!record || record.savedAs !== undefined || record.tab !== TAB) return;
    const sent = { ...record, sentAt: record.sentAt ?? Date.now() };
    this.records.put(sent);
    try {
      await this.confirm(sent);
      this.pauseSeconds = 1;
      this.pauseUntil = this.askedUntil;
    } catch (error) {
      this.fail(sent, error);
    }
  }

  /** The page is being left: deletions that could still be undone are sent, and outlive it. */
  sendRemovals(): void {
    for (const record of this.unsent()) {
      if (record.tab !== TAB || record.sentAt !== undefined || this.held(record) <= now()) continue;
      const sent = { ...record, sentAt: Date.now(), notBefore: 0 };
      this.records.put(sent);
      // Not later, in a lock: there is no later.
      void this.confirm(sent).catch(() => {});
    }
  }

  private async confirm(record: ChangeRecord): Promise<void> {
    const byId = new Map(this.records.all().map((one) => [one.id, one]));
    const ref = record.change.kind === "create" ? undefined : resolve(record.change.task, byId);
    const id = typeof ref === "number" ? ref : undefined;
    const known = id === undefined ? undefined : this.facts.find(id);
    const { userId } = this;
    const fact = await deliver({ userId, record, id, known, facts: this.facts.tasks ?? [] });
    const left = record.change.kind === "create" && "task" in fact ? saved(record, fact.task.id) : null;
    // Not first forgotten and then shown: it would be gone from the list for a moment.
    this.facts.note(fact);
    if (left) this.records.put(left);
    else this.records.delete(record.id);
    this.onConfirmed({ fact, id: record.id, left });
  }

  private fail(record: ChangeRecord, error: unknown): void {
    if (error instanceof TroubleError) {
      if (error.trouble.kind === "clash") void this.facts.look();
      this.records.put({ ...record, trouble: error.trouble });
      return;
    }
    const trouble = error instanceof ApiError ? refusal(error) : null;
    if (trouble) this.records.put({ ...record, trouble });
    else this.pause(record.id, error);
  }

  private pause(id: string, error: unknown): void {
    const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
    this.askedUntil = Math.max(this.askedUntil, now() + asked * 1000);
    this.pauseUntil = Math.max(this.askedUntil, now() + this.pauseSeconds * 1000);
    this.pauseSeconds = Math.min(2 * this.pauseSeconds, LONGEST_PAUSE_SECONDS);
    this.failed.add(id);
  }

  /** Note which records take longer than one would expect, and which have failed. */
  private measure(): void {
    const moment = now();
    const progress = new Map<string, "saving" | "waiting">();
    const unsent = this.unsent();
    const ids = new Set(unsent.map(({ id }) => id));
    for (const known of [this.firstSeen, this.heldUntil, this.failed])
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    const stuck = this.failed.size > 0;
    for (const record of unsent) {
      const { id } = record;
      const first = this.firstSeen.get(id) ?? moment;
      this.firstSeen.set(id, first);
      const isSlow = Math.max(first, this.held(record)) + SLOW_MILLISECONDS <= moment;
      if (this.failed.has(id) || (stuck && isSlow)) progress.set(id, "waiting");
      else if (isSlow) progress.set(id, "saving");
    }
    if (isSame(progress, this.progress)) return;
    this.progress = progress;
    this.onChange();
  }
}

/** Milliseconds of a clock that nobody puts forward or back. */
function now(): number {
  return performance.now();
}

/** Why an answer says that the change will not be made as it is; null if it may be made later. */
function refusal({ status, detail, isFromAPI }: ApiError): Trouble | null {
  if (isFromAPI) return FINAL.has(status) ? { kind: "refused", message: detail } : null;
  if (status < 400 || status >= 500 || PASSING.has(status)) return null;
  const message = TOO_LONG.has(status)
    ? "This is too long for something that stands between this page and its server. Make it shorter, or try again."
    : "Something that stands between this page and its server does not let this through. Try again, or change it.";
  return { kind: "refused", message, isByProxy: true };
}

/** What stays of a create: under which id the task is known to the server. */
function saved({ id, tab, order }: ChangeRecord, savedAs: number): ChangeRecord {
  return { id, tab, order, savedAs, change: { kind: "create", title: "", description: null } };
}

function isSame<K, V>(one: ReadonlyMap<K, V>, other: ReadonlyMap<K, V>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}
