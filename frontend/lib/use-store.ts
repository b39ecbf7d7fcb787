import { useSearchParams } from "next/navigation";
import { type MouseEvent, useEffect, useSyncExternalStore } from "react";
import type { TaskStatus } from "./api";
import { sentenceOf } from "./changes";
import type { ShownTask } from "./shown";
import { NOTHING, type Snapshot } from "./snapshot";
import type { TaskStore } from "./task-store";
import { announce } from "./toasts";
import { undid } from "./undo";

export function useSnapshot(store: TaskStore): Snapshot {
  return useSyncExternalStore(store.subscribe, store.getSnapshot, () => NOTHING);
}

/** Keep a user's store in touch with the server, and warn whoever leaves while something is not stored. */
export function useRunning(store: TaskStore): void {
  useEffect(() => store.start(), [store]);
  useEffect(
    () =>
      store.onTrouble(({ id, change, trouble }) => {
        undid(id);
        announce(sentenceOf(trouble, change.kind));
      }),
    [store],
  );
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (store.hasPending()) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [store]);
}

export const FILTERS = ["all", "pending", "completed"] as const satisfies readonly TaskStatus[];

/** The filter that stands in the address. */
export function useFilter(): TaskStatus {
  const wanted = useSearchParams().get("status");
  return FILTERS.find((filter) => filter === wanted) ?? "all";
}

export function filterHref(filter: TaskStatus): string {
  return filter === "all" ? "/tasks" : `/tasks?status=${filter}`;
}

/** Whether a click asks for nothing but the link, no new tab and no window. */
export function isPlainClick({ ctrlKey, metaKey, shiftKey, altKey }: MouseEvent): boolean {
  return !(ctrlKey || metaKey || shiftKey || altKey);
}

/** Follow a filter's link without asking the server: all tasks are here already. */
export function chooseFilter(event: MouseEvent<HTMLAnchorElement>): void {
  if (!isPlainClick(event)) return;
  event.preventDefault();
  window.history.pushState(null, "", event.currentTarget.href);
}

export function passes(task: ShownTask, filter: TaskStatus): boolean {
  return filter === "all" || task.completed === (filter === "completed");
}

/** A text in the form in which it is searched: accents and capitals make no difference. */
export function searchable(text: string): string {
  return text
    .normalize("NFD")
    .replaceAll(/\p{Diacritic}/gu, "")
    .toLowerCase();
}

export function matches(task: ShownTask, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = searchable(`${task.title}\n${task.description ?? ""}`);
  return words.every((word) => text.includes(word));
}
