// Short messages at the edge of the page: one of what was just done, which goes away by itself, and those of
// what went wrong or is new, which stay until somebody has seen them. What is only heard is announced.
import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  message: string;
  tone: "plain" | "news" | "error";
  action?: { label: string; run: () => void };
}

interface Messages {
  toasts: readonly Toast[];
  announced: string;
}

const SECONDS = 7;
const AT_MOST = 3;
const MOMENT_MILLISECONDS = 1_000;
const NONE: Messages = { toasts: [], announced: "" };

let messages = NONE;
let lastId = 0;
let held = false;
let announcedAt = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

/** A new plain message takes the place of the one before; returns its id. */
export function showToast(toast: Omit<Toast, "id" | "tone"> & { tone?: Toast["tone"] }): number {
  lastId += 1;
  const shown: Toast = { tone: "plain", ...toast, id: lastId };
  const kept = messages.toasts.filter(({ tone, message }) => tone !== "plain" && message !== shown.message);
  publish({ toasts: [...kept, shown].slice(-AT_MOST) });
  if (!held) startTimer();
  return lastId;
}

export function dismissToast(id: number): void {
  publish({ toasts: messages.toasts.filter((toast) => toast.id !== id) });
  if (messages.toasts.length === 0) held = false;
}

export function runToastAction({ id, action }: Toast): void {
  dismissToast(id);
  action?.run();
}

export function clearToasts(tone?: Toast["tone"]): void {
  publish({ toasts: tone ? messages.toasts.filter((toast) => toast.tone !== tone) : [], announced: "" });
}

/** Let nothing go away while somebody points at it, or has the focus in it. */
export function holdToasts(hold: boolean): void {
  held = hold;
  if (hold) clearTimeout(timer);
  else startTimer();
}

/** Say something to those who hear the page: after what was said in the same moment, and again if it is the same. */
export function announce(text: string): void {
  const isSameMoment = performance.now() - announcedAt < MOMENT_MILLISECONDS;
  announcedAt = performance.now();
  const before = isSameMoment ? `${messages.announced}. ` : "";
  publish({ announced: text === messages.announced ? `${text}\u00a0` : before + text });
}

export function useMessages(): Messages {
  return useSyncExternalStore(
    subscribe,
    () => messages,
    () => NONE,
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function publish(next: Partial<Messages>): void {
  messages = { ...messages, ...next };
  for (const listener of listeners) listener();
}

function startTimer(): void {
  clearTimeout(timer);
  timer = setTimeout(() => clearToasts("plain"), SECONDS * 1000);
}
