// Short messages at the edge of the page, each with at most one action, which go away by themselves.
import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  message: string;
  tone: "plain" | "error";
  action?: { label: string; run: () => void };
  /** Called when it goes away without its action. */
  onGone?: () => void;
}

const SECONDS = 7;
const AT_MOST = 3;

let toasts: readonly Toast[] = [];
let lastId = 0;
let held = false;
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

export function showToast(toast: Omit<Toast, "id" | "tone"> & { tone?: Toast["tone"] }): void {
  lastId += 1;
  const shown: Toast = { tone: "plain", ...toast, id: lastId };
  publish([...toasts, shown]);
  for (const old of toasts.slice(0, -AT_MOST)) dismissToast(old.id);
  if (!held) startTimer(shown);
}

export function dismissToast(id: number): void {
  take(id)?.onGone?.();
}

export function runToastAction(id: number): void {
  take(id)?.action?.run();
}

/** Take the newest toast's action, as "undo" does; false if there is none. */
export function runNewestAction(label: string): boolean {
  const newest = toasts.findLast(({ action }) => action?.label === label);
  if (newest) runToastAction(newest.id);
  return newest !== undefined;
}

/** Let nothing go away while somebody points at it, or has the focus in it. */
export function holdToasts(hold: boolean): void {
  held = hold;
  for (const toast of toasts) {
    if (hold) stopTimer(toast.id);
    else if (!timers.has(toast.id)) startTimer(toast);
  }
}

/** Let everything go away now: the page is being left. */
export function dismissAll(): void {
  for (const { id } of toasts) dismissToast(id);
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    subscribe,
    () => toasts,
    () => toasts,
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function publish(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function take(id: number): Toast | undefined {
  const toast = toasts.find((one) => one.id === id);
  stopTimer(id);
  if (toast) publish(toasts.filter((one) => one !== toast));
  if (toasts.length === 0) held = false;
  return toast;
}

/** What went wrong stays until somebody has seen it. */
function startTimer({ id, tone }: Toast): void {
  if (tone === "error") return;
  timers.set(
    id,
    setTimeout(() => dismissToast(id), SECONDS * 1000),
  );
}

function stopTimer(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}
