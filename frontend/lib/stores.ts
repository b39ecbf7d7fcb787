import { TaskStore } from "./task-store";

const stores = new Map<string, TaskStore>();

/** The store of a user: there is one for each in a tab. */
export function storeOf(userId: string): TaskStore {
  const known = stores.get(userId);
  if (known) return known;
  const store = new TaskStore(userId);
  stores.set(userId, store);
  return store;
}

/** Nothing of what the server said is held any more; what it has not confirmed stays in localStorage. */
export function forgetStores(): void {
  stores.clear();
}
