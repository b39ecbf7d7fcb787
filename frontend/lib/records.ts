// Changes that the server has not confirmed, kept in localStorage: one entry each, written before anything is
// shown as done. localStorage and not IndexedDB, because its writes are done when the call returns: what was
// typed is kept even if the page is closed in the same moment.
//
// A record is sent by the tab that made it. When that tab is gone, another one takes it over: each tab holds
// a lock for as long as it lives.
import { newKey } from "./api";
import type { Change, Trouble } from "./changes";
import { kept } from "./storage";

export interface ChangeRecord {
  /** Also the `Idempotency-Key` of a create. */
  id: string;
  /** The tab that sends it. */
  tab: string;
  /** Records of one tab in the order in which they were made. */
  order: number;
  change: Change;
  /** When it was first sent, by this computer's clock. */
  sentAt?: number;
  /** Not to be sent before, by this computer's clock: until then it can be undone. */
  notBefore?: number;
  trouble?: Trouble;
  /** Of a create that the server has confirmed: the task's id. Others may still refer to the record. */
  savedAs?: number;
}

export const TAB = newKey();

/** The entries of one kind and one user, as they are in localStorage and in this tab's memory. */
export class Shelf<T extends { id: string; tab: string }> {
  private readonly entries = new Map<string, T>();
  private readonly listeners = new Set<(entry: T | null) => void>();
  private readonly settled = new Set<string>();
  /** What could not be written: it is in this tab's memory only. */
  private readonly unwritten = new Set<string>();
  private readonly prefix: string;

  constructor(
    kind: string,
    userId: string,
    /** Whether something under such a name is one of these, and not what another build has left. */
    private readonly isOurs: (found: Record<string, unknown>) => boolean,
  ) {
    this.prefix = `taskward.${kind}.${userId}.`;
    for (const key of Object.keys(kept ?? {})) {
      const entry = key.startsWith(this.prefix) ? this.read(key) : null;
      if (entry) this.entries.set(entry.id, entry);
    }
  }

  all(): T[] {
    return [...this.entries.values()];
  }

  get(id: string): T | undefined {
    return this.entries.get(id);
  }

  put(entry: T): void {
    this.entries.set(entry.id, entry);
    this.unwritten.add(entry.id);
    this.write();
    this.publish(entry);
  }

  /** What is in this tab's memory only, and gone with it. */
  fleeting(): T[] {
    return this.all().filter(({ id }) => this.unwritten.has(id));
  }

  /** Make what another tab held this one's. */
  adopt(tab: string): void {
    for (const entry of this.all()) if (entry.tab === tab) this.put({ ...entry, tab: TAB });
  }

  delete(id: string): void {
    this.entries.delete(id);
    this.unwritten.delete(id);
    kept?.removeItem(this.prefix + id);
    this.write();
    this.publish(null);
  }

  /** Call `listener` after each change, with the entry that was put, if any. */
  subscribe(listener: (entry: T | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What another tab has done with an entry, told sooner than localStorage tells it. */
  settle(id: string, entry: T | null): void {
    this.settled.add(id);
    if (entry) this.entries.set(id, entry);
    else this.entries.delete(id);
    this.publish(entry);
  }

  /** Notice what other tabs put and delete. */
  noticeOtherTabs(): () => void {
    const notice = ({ key }: StorageEvent) => {
      if (!key?.startsWith(this.prefix) || this.settled.has(key.slice(this.prefix.length))) return;
      const entry = this.read(key);
      if (entry) this.entries.set(entry.id, entry);
      else this.entries.delete(key.slice(this.prefix.length));
      this.publish(entry);
    };
    window.addEventListener("storage", notice);
    return () => window.removeEventListener("storage", notice);
  }

  /** Write what is not written yet, as far as there is room. */
  private write(): void {
    if (!kept) return;
    for (const id of this.unwritten) {
      try {
        kept.setItem(this.prefix + id, JSON.stringify(this.entries.get(id)));
        this.unwritten.delete(id);
      } catch {
        // Something shorter may still find room.
      }
    }
  }

  private publish(entry: T | null): void {
    for (const listener of this.listeners) listener(entry);
  }

  private read(key: string): T | null {
    try {
      const found = JSON.parse(kept?.getItem(key) ?? "null");
      return found?.tab && found.id && this.isOurs(found) ? found : null;
    } catch {
      return null;
    }
  }
}

const KINDS = new Set(["create", "edit", "complete", "remove"]);

export function isRecord({ change, order }: Record<string, unknown>): boolean {
  return typeof order === "number" && KINDS.has((change as Partial<Change> | undefined)?.kind ?? "");
}

const lockOf = (tab: string) => `taskward.tab.${tab}`;
let isHeld = false;

/** Hold this tab's lock until the tab is gone. */
export function holdTabLock(): void {
  if (isHeld) return;
  isHeld = true;
  void withLock(lockOf(TAB), () => new Promise(() => {}));
}

/** Call `then` once the tab is gone. Without locks (a page without TLS) nobody can know: then at once. */
export function whenTabIsGone(tab: string, then: () => void): void {
  void withLock(lockOf(tab), async () => then());
}

/** Run `body` while no other tab runs one under the same name. */
export function exclusively<T>(name: string, body: () => Promise<T>): Promise<T> {
  return withLock(`taskward.task.${name}`, body);
}

/** Run `body` with the lock, or, where browsers have or give none, without. */
async function withLock<T>(name: string, body: () => Promise<T>): Promise<T> {
  let hasBegun = false;
  const begin = () => {
    hasBegun = true;
    return body();
  };
  try {
    if (navigator.locks) return await navigator.locks.request(name, begin);
  } catch (error) {
    if (hasBegun) throw error;
  }
  return body();
}
