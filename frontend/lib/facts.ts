// What the server has said of a user's tasks: kept up to date while somebody looks, and from one visit to the
// next with its ETag, so that coming back costs a 304.
import { clear, createStore, get, set } from "idb-keyval";
import { ApiError, type Task } from "./api";
import { applyFact, type Fact } from "./changes";
import { taskward } from "./clients";

const LOOK_SECONDS = 20;
const FIRST_RETRY_SECONDS = 2;
const KEEP_MILLISECONDS = 1_000;
const PATIENCE_MILLISECONDS = 2_000;

interface Kept {
  userId: string;
  etag: string | null;
  tasks: readonly Task[];
}

export class Facts {
  /** Null until anything is known. */
  tasks: readonly Task[] | null = null;
  error: ApiError | null = null;
  private etag: string | null = null;
  private retrySeconds = FIRST_RETRY_SECONDS;
  private looking: Promise<void> | null = null;
  /** What was heard of single tasks while the list was on its way: it may be older than they are. */
  private heard: Fact[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private keepTimer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = true;

  constructor(
    private readonly userId: string,
    private readonly onChange: () => void,
    private readonly onAnswer: () => void,
  ) {}

  async start(): Promise<void> {
    this.isStopped = false;
    if (this.tasks === null) await this.recall();
    if (!this.isStopped) await this.look();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Ask for the list; whoever asks while one is on its way gets that one. */
  look(): Promise<void> {
    this.looking ??= this.fetch().finally(() => {
      this.looking = null;
      this.schedule();
    });
    return this.looking;
  }

  note(fact: Fact): void {
    if (this.looking) this.heard.push(fact);
    if (this.tasks === null) return;
    this.tasks = applyFact(this.tasks, fact);
    this.keep();
    this.onChange();
  }

  find(id: number): Task | undefined {
    return this.tasks?.find((task) => task.id === id);
  }

  private async fetch(): Promise<void> {
    this.heard = [];
    try {
      const fresh = await taskward.tasks.listUnless(this.etag, { userId: this.userId });
      if (fresh) this.take(fresh.etag, this.heard.reduce(applyFact, fresh.tasks));
      this.retrySeconds = FIRST_RETRY_SECONDS;
      this.setError(null);
      this.onAnswer();
    } catch (error) {
      this.setError(error instanceof ApiError ? error : new ApiError(0, "Something went wrong"));
    }
  }

  private take(etag: string | null, tasks: readonly Task[]): void {
    this.etag = etag;
    this.tasks = tasks;
    this.keep();
    this.onChange();
  }

  private setError(error: ApiError | null): void {
    if (error === this.error) return;
    this.error = error;
    this.onChange();
  }

  /** Look again after a while, sooner after a failure; nobody who does not look is shown anything. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this.isStopped || document.hidden) return;
    const seconds =
      this.error === null ? LOOK_SECONDS : Math.max(this.retrySeconds, this.error.retryAfter ?? 0);
    if (this.error !== null) this.retrySeconds = Math.min(2 * this.retrySeconds, LOOK_SECONDS);
    this.timer = setTimeout(() => void this.look(), seconds * 1000);
  }

  private async recall(): Promise<void> {
    const kept = await quietly(() => get<Kept>(KEY, store()));
    if (kept?.userId !== this.userId || !Array.isArray(kept.tasks) || this.tasks !== null) return;
    this.take(kept.etag, kept.tasks);
  }

  private keep(): void {
    clearTimeout(this.keepTimer);
    this.keepTimer = setTimeout(() => {
      if (this.isStopped || this.tasks === null) return;
      const kept: Kept = { userId: this.userId, etag: this.etag, tasks: this.tasks };
      void quietly(() => set(KEY, kept, store()));
    }, KEEP_MILLISECONDS);
  }
}

const KEY = "tasks";
let opened: ReturnType<typeof createStore> | undefined;

function store() {
  opened ??= createStore("taskward", "facts");
  return opened;
}

/** Nobody's tasks are in this browser any more. */
export async function forgetFacts(): Promise<void> {
  await quietly(() => clear(store()));
}

/** What the browser's own store answers, if it answers soon: it may be blocked, or never answer at all. */
async function quietly<T>(ask: () => Promise<T>): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS));
  const asked = (async () => ask())().catch(() => undefined);
  return Promise.race([asked, late]);
}
