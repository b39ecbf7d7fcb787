import { useSearchParams } from "next/navigation";
import type { MouseEvent } from "react";
import type { Task, TaskStatus } from "./api";

export const FILTERS = ["all", "pending", "completed"] as const satisfies readonly TaskStatus[];

/** The filter that stands in the address. */
export function useFilter(): TaskStatus {
  const wanted = useSearchParams().get("status");
  return FILTERS.find((filter) => filter === wanted) ?? "all";
}

export function filterHref(filter: TaskStatus): string {
  return filter === "all" ? "/tasks" : `/tasks?status=${filter}`;
}

/** Follow a filter's link without asking the server: all tasks are here already. */
export function chooseFilter(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  window.history.pushState(null, "", event.currentTarget.href);
}

export function passes(task: Task, filter: TaskStatus): boolean {
  return filter === "all" || task.completed === (filter === "completed");
}
