// All that the page knows of one user's tasks, and everything that can be done to them.
import { newKey } from "./api";
import { type Change, type Content, contentOf, isSameContent, type TaskRef } from "./changes";
import { type Draft, Drafts } from "./drafts";
import { Facts } from "./facts";
import { type Confirmed, Outbox, UNDO_SECONDS } from "./outbox";
import { type ChangeRecord, holdTabLock, isRecord, Shelf, TAB, whenTabIsGone } from "./records";
import { compose, lanesOf, resolve, type ShownTask } from "./shown";
import { NOTHING, type Snapshot } from "./snapshot";

const ALIAS_SECONDS = 86_400;
type Removal = ChangeRecord & { change: { kind: "remove" } };

export class TaskStore {
  private snapshot = NOTHING;
  readonly drafts: Drafts;
  private readonly records: Shelf<ChangeRecord>;
  private readonly facts: Facts;
  private readonly outbox: Outbox;
  private readonly listeners = new Set<() => void>();
  private readonly troubled = new Set<(record: ChangeRecord) => void>();
  private readonly adopting = new Set([TAB]);
  private readonly remade = new Map<TaskRef, TaskRef>();
  private channel: BroadcastChannel | undefined;
  private lastOrder = 0;
  private isPublishing = false;
  private stops: (() => void)[] = [];
  private users = 0;

  constructor(readonly userId: string) {
    const changed = () => this.publish();
    this.records = new Shelf("record", userId, isRecord);
    this.drafts = new Drafts(userId, changed);
    this.facts = new Facts(userId, changed, () => this.outbox.tryAgain());
    this.outbox = new Outbox(userId, this.records, this.facts, changed, (confirmed) =>
      this.channel?.postMessage(confirmed),
    );
    const notice = ({ order }: ChangeRecord) => {
      this.lastOrder = Math.max(this.lastOrder, order);
    };
    this.records.all().forEach(notice);
    this.records.subscribe((record) => {
      if (record) notice(record);
      if (record) this.adoptLater(record.tab);
      if (record?.trouble) for (const tell of this.troubled) tell(record);
      changed();
    });
  }

  readonly getSnapshot = (): Snapshot => this.snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Call `listener` with each change that could not be made; returns what ends that. */
  readonly onTrouble = (listener: (record: ChangeRecord) => void): (() => void) => {
    this.troubled.add(listener);
    return () => this.troubled.delete(listener);
  };

  /** Keep in touch with the server and the other tabs; returns what ends that. */
  start(): () => void {
    this.users += 1;
    if (this.users === 1) this.begin();
    return () => {
      this.users -= 1;
      if (this.users === 0) this.end();
    };
  }

  private begin(): void {
    holdTabLock();
    this.forgetAliases();
    for (const { tab } of this.records.all()) this.adoptLater(tab);
    this.channel = this.openChannel();
    const retry = () => {
      this.outbox.tryAgain();
      if (!document.hidden) void this.facts.look();
    };
    // A browser that calls itself offline may still reach a server on the same machine: it is asked.
    window.addEventListener("offline", retry);
    window.addEventListener("online", retry);
    document.addEventListener("visibilitychange", retry);
    window.addEventListener("pagehide", this.farewell);
    this.stops = [
      this.records.noticeOtherTabs(),
      this.drafts.start(),
      () => window.removeEventListener("offline", retry),
      () => window.removeEventListener("online", retry),
      () => document.removeEventListener("visibilitychange", retry),
      () => window.removeEventListener("pagehide", this.farewell),
      () => this.channel?.close(),
    ];
    this.outbox.start();
    void this.facts.start();
    this.publish();
  }

  private end(): void {
    for (const stop of this.stops) stop();
    this.facts.stop();
    this.outbox.stop();
  }

  private openChannel(): BroadcastChannel | undefined {
    const channel = channelOf(this.userId);
    if (!channel) return undefined;
    channel.addEventListener("message", ({ data: { fact, id, left } }: MessageEvent<Confirmed>) => {
      this.records.settle(id, left);
      this.facts.note(fact);
    });
    return channel;
  }

  // What a person does

  /** Returns the record's id, which stands for the task until the server has stored it. */
  create(content: Content): string {
    return this.add({ kind: "create", ...content }).id;
  }

  /** Returns the record's id, as all changes do; nothing if there is nothing to change. */
  edit(task: ShownTask, content: Content, base: Content = contentOf(task)): string | undefined {
    if (isSameContent(base, content)) return undefined;
    return this.add({ kind: "edit", task: task.ref, base: contentOf(base), ...content }).id;
  }

  complete(task: ShownTask, completed: boolean): string {
    return this.add({ kind: "complete", task: task.ref, completed, base: contentOf(task) }).id;
  }

  remove(task: ShownTask): Removal {
    return this.removeAll([task])[0] as Removal;
  }

  /** Remove tasks once nobody can undo it any more; what was to be done to them before is not done. */
  removeAll(tasks: readonly ShownTask[]): Removal[] {
    const lanes = lanesOf(this.records.all());
    const neverStored = new Set<TaskRef>();
    for (const { ref } of tasks) {
      for (const { id, sentAt, trouble, change } of lanes.get(ref) ?? []) {
        if (sentAt !== undefined && trouble === undefined) continue;
        this.records.delete(id);
        if (change.kind === "create") neverStored.add(ref);
      }
    }
    const shown = this.byRef();
    const notBefore = Date.now() + UNDO_SECONDS * 1000;
    return tasks.map((task) => {
      const base = contentOf(shown.get(task.ref) ?? task);
      const change = { kind: "remove", task: task.ref, base } as const;
      const removal = { ...this.newRecord(change, { notBefore }), change };
      // The server has never heard of a task whose create was not sent.
      if (!neverStored.has(task.ref)) this.put(removal);
      return removal;
    });
  }

  restore(removal: Removal, task: ShownTask): void {
    this.restoreAll([[removal, task]]);
  }

  /** Take removals back; a task that the server has removed already is made anew. */
  restoreAll(removed: readonly (readonly [Removal, ShownTask])[]): void {
    const waiting = this.byId();
    const isUnsent = (id: string) => waiting.has(id) && waiting.get(id)?.sentAt === undefined;
    for (const [{ id }] of removed) if (isUnsent(id)) this.records.delete(id);
    const shown = this.byRef();
    for (const [removal, task] of removed) {
      if (isUnsent(removal.id)) this.setBack(shown.get(task.ref), removal, task);
      else this.remake(task);
    }
  }

  /** A task whose removal was never sent, as it was then: what another device wrote meanwhile is merged. */
  private setBack(shown: ShownTask | undefined, { change }: Removal, task: ShownTask): void {
    if (shown) this.edit(shown, contentOf(task), change.base);
    if (shown && shown.completed !== task.completed) this.complete(shown, task.completed);
  }

  /** Once a removal was sent nobody knows whether the task is still there. */
  private remake(task: ShownTask): void {
    const made = this.create(contentOf(task));
    this.remade.set(task.ref, made);
    if (task.completed) this.add({ kind: "complete", task: made, completed: true, base: contentOf(task) });
  }

  /** Take back what has just been made. */
  removeMade(made: readonly string[]): void {
    const shown = this.byRef();
    const records = this.byId();
    this.removeAll(made.flatMap((ref) => shown.get(this.current(ref, records)) ?? []));
  }

  /** Give a task the text back that it had before it was changed; what others changed since is merged. */
  revert(ref: TaskRef, before: Content, after: Content): void {
    const task = this.find(ref);
    if (task) this.edit(task, before, after);
  }

  setCompleted(ref: TaskRef, completed: boolean): void {
    const task = this.find(ref);
    if (task && task.completed !== completed) this.complete(task, completed);
  }

  // What a person decides about a change that could not be made

  /** Make the change in spite of what others did. */
  insist(record: ChangeRecord): void {
    const { trouble, change, ...rest } = record;
    if (change.kind === "create") this.resend({ ...rest, change });
    else if (trouble?.kind === "gone") this.recreate(record);
    else {
      const base = trouble?.kind === "clash" ? trouble.theirs : change.base;
      this.resend({ ...rest, change: { ...change, base } });
    }
  }

  /** Let the change go. */
  discard(record: ChangeRecord): void {
    const lane = record.change.kind === "create" ? this.laneOf(record.id) : [record];
    for (const { id } of lane) this.records.delete(id);
    this.outbox.send();
  }

  /** Make a change that was let go wait for a decision again. */
  takeUp(record: ChangeRecord): void {
    this.records.put({ ...record, tab: TAB });
  }

  /** Edit a task, or the text of a change to it that could not be made. */
  startEditing(task: ShownTask): void {
    const { troubled } = task;
    if (troubled?.change.kind === "create") {
      this.drafts.open(null, null, contentOf(troubled.change));
      this.discard(troubled);
    } else if (troubled?.change.kind === "edit") {
      const { change, trouble } = troubled;
      this.drafts.open(task.ref, trouble?.kind === "clash" ? trouble.theirs : change.base, contentOf(change));
      this.records.delete(troubled.id);
    } else this.drafts.open(task.ref, contentOf(task));
  }

  tryNow(): void {
    this.outbox.tryNow();
    void this.facts.look();
  }

  // Leaving

  /** Send what can be sent, and wait for it, but not for ever; how many changes are left. */
  async finish(seconds: number): Promise<number> {
    this.hurry();
    const deadline = performance.now() + seconds * 1000;
    while (
      this.outbox.unsent().length > 0 &&
      this.outbox.progressIsPossible() &&
      performance.now() < deadline
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.left();
  }

  /** How many changes the server has not confirmed. */
  left(): number {
    return this.records.all().filter(({ savedAs }) => savedAs === undefined).length;
  }

  /** Whether leaving now would leave something behind that a person believes to be stored. */
  hasPending(): boolean {
    return this.isFleeting() || this.outbox.progress.size > 0;
  }

  private isFleeting(): boolean {
    const records = this.records.fleeting().filter(({ savedAs }) => savedAs === undefined);
    return records.length > 0 || this.drafts.fleeting().length > 0;
  }

  /** Deletions can no longer be undone. */
  private hurry(): void {
    for (const record of this.outbox.unsent()) {
      if (record.notBefore !== undefined && record.tab === TAB) this.records.put({ ...record, notBefore: 0 });
    }
    this.outbox.tryNow();
  }

  private readonly farewell = () => this.outbox.sendRemovals();

  // Within

  private add(change: Change): ChangeRecord {
    const record = this.newRecord(change);
    this.put(record);
    return record;
  }

  private put(record: ChangeRecord): void {
    this.records.put(record);
    this.outbox.send();
  }

  /** A change after all others, even if the clock was put back since they were made. */
  private newRecord(change: Change, more: Partial<ChangeRecord> = {}): ChangeRecord {
    this.lastOrder = Math.max(Date.now() * 1000, this.lastOrder + 1);
    return { id: newKey(), tab: TAB, order: this.lastOrder, change, ...more };
  }

  private resend(record: Omit<ChangeRecord, "trouble">): void {
    this.records.put({ ...record, tab: TAB });
    this.outbox.tryNow();
  }

  private recreate({ id, change }: ChangeRecord): void {
    if (change.kind === "edit") this.create(contentOf(change));
    this.records.delete(id);
  }

  /** A task by its id, or by that of the task in whose place it was made. */
  private find(ref: TaskRef): ShownTask | undefined {
    const wanted = this.current(ref, this.byId());
    return this.compose().find((task) => task.ref === wanted);
  }

  private current(ref: TaskRef, records: ReadonlyMap<string, ChangeRecord>): TaskRef {
    const known = resolve(ref, records);
    const next = this.remade.get(known);
    return next === undefined ? known : this.current(next, records);
  }

  private byId(): Map<string, ChangeRecord> {
    return new Map(this.records.all().map((one) => [one.id, one]));
  }

  private byRef(): Map<TaskRef, ShownTask> {
    return new Map(this.compose().map((task) => [task.ref, task]));
  }

  private laneOf(ref: TaskRef): ChangeRecord[] {
    return lanesOf(this.records.all()).get(ref) ?? [];
  }

  private adoptLater(tab: string): void {
    if (this.adopting.has(tab)) return;
    this.adopting.add(tab);
    whenTabIsGone(tab, () => {
      this.records.adopt(tab);
      this.outbox.send();
    });
  }

  /** After a day nothing refers any more to a task by the record that made it. */
  private forgetAliases(): void {
    const oldest = (Date.now() - ALIAS_SECONDS * 1000) * 1000;
    for (const { id, savedAs, order } of this.records.all()) {
      if (savedAs !== undefined && order < oldest) this.records.delete(id);
    }
  }

  /** With the server's id where the task has one by now. */
  private ownDrafts(): Draft[] {
    const byId = this.byId();
    return this.drafts
      .own()
      .map((draft) => (draft.task === null ? draft : { ...draft, task: resolve(draft.task, byId) }));
  }

  private compose(): ShownTask[] {
    return compose(this.facts.tasks ?? [], this.records.all(), this.outbox.progress);
  }

  /** Once for all that happens in a moment. */
  private publish(): void {
    if (this.isPublishing) return;
    this.isPublishing = true;
    queueMicrotask(() => {
      this.isPublishing = false;
      this.snapshot = {
        tasks: this.compose(),
        isLoaded: this.facts.tasks !== null,
        error: this.facts.error,
        drafts: this.ownDrafts(),
        waiting: [...this.outbox.progress.values()].filter((state) => state === "waiting").length,
        isFleeting: this.isFleeting(),
      };
      for (const listener of this.listeners) listener();
    });
  }
}

/** Where tabs of one user tell each other; nothing where browsers do not let them. */
function channelOf(userId: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(`taskward.facts.${userId}`);
  } catch {
    return undefined;
  }
}
