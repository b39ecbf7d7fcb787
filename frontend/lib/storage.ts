import type { TokenStorage } from "./api";

/** localStorage, or null where the browser keeps nothing for this page: it is blocked, or has no room at all. */
export const kept: Storage | null = open();

function open(): Storage | null {
  try {
    const found = globalThis.localStorage ?? null;
    // Reading works in some private windows that have room for nothing.
    if (found?.length === 0) {
      found.setItem("taskward.probe", "");
      found.removeItem("taskward.probe");
    }
    return found;
  } catch {
    return null;
  }
}

const memory = new Map<string, string>();

/** The same, with this page's memory for what finds no room in it, or where there is none. */
export const tokenStorage: TokenStorage = {
  getItem: (key) => memory.get(key) ?? kept?.getItem(key) ?? null,
  setItem(key, value) {
    memory.set(key, value);
    try {
      kept?.setItem(key, value);
      if (kept) memory.delete(key);
    } catch {
      // Read from the memory, as long as the page is open.
    }
  },
  removeItem(key) {
    memory.delete(key);
    kept?.removeItem(key);
  },
};
