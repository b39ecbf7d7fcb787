// What was done in this tab, the last thing last: each can be undone.
import { announce, clearToasts, dismissToast, showToast } from "./toasts";

const AT_MOST = 100;
interface Done {
  id: number;
  label: string;
  undo: () => void;
  /** The change that it was, if it was one. */
  change: string | undefined;
  toast: number | undefined;
}

let done: Done[] = [];
let lastId = 0;

interface Manner {
  /** Everybody can see that it was done. */
  quiet?: boolean;
  /** The record's id, where it was one change. */
  change?: string | undefined;
}

/** Note what was done, and offer to undo it. */
export function did(label: string, undo: () => void, { quiet = false, change }: Manner = {}): void {
  lastId += 1;
  const id = lastId;
  const action = { label: "Undo", run: () => undoOne(id) };
  const toast = quiet ? undefined : showToast({ message: label, action });
  if (quiet) announce(label);
  done = [...done, { id, label, undo, change, toast }].slice(-AT_MOST);
}

/** A change could not be made: nothing says any more that it was, and there is nothing to undo. */
export function undid(change: string): void {
  const found = done.find((one) => one.change === change);
  if (!found) return;
  done = done.filter((one) => one !== found);
  if (found.toast !== undefined) dismissToast(found.toast);
}

/** Undo what was done last; false if there is nothing to undo. */
export function undoLast(): boolean {
  const last = done.at(-1);
  if (last) undoOne(last.id);
  return last !== undefined;
}

export function forgetDone(): void {
  done = [];
}

function undoOne(id: number): void {
  const found = done.find((one) => one.id === id);
  if (!found) return;
  done = done.filter((one) => one !== found);
  clearToasts("plain");
  found.undo();
  announce(`Undone: ${found.label}`);
}
