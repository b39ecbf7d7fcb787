"use client";

import { clsx } from "clsx";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { TaskRef } from "@/lib/changes";
import type { Draft } from "@/lib/drafts";
import type { ShownTask } from "@/lib/shown";
import type { TaskStore } from "@/lib/task-store";
import { did } from "@/lib/undo";
import { useKeptFocus } from "@/lib/use-kept-focus";
import { useRows } from "@/lib/use-rows";
import { TaskRow } from "./task-row";

interface TaskListProps {
  tasks: readonly ShownTask[];
  drafts: readonly Draft[];
  store: TaskStore;
  /** Called when the row that had the focus was the last one. */
  onEmptied: () => void;
}

/** However many tasks there are, only those near the window are in the document; on paper, all of them. */
export function TaskList({ tasks, drafts, store, onEmptied }: TaskListProps) {
  "use memo";
  const list = useRef<HTMLUListElement>(null);
  const focus = useKeptFocus(list, tasks, onEmptied);
  const { rows, height, measure, scrollTo } = useRows(list, tasks, focus.index, usePrinting());
  useEffect(() => focus.find(scrollTo));
  const draftOf = useMemo(
    () => new Map<TaskRef | null, Draft>(drafts.map((draft) => [draft.task, draft])),
    [drafts],
  );
  const remove = (task: ShownTask) => {
    const draft = draftOf.get(task.ref);
    if (draft) store.drafts.close(draft.id);
    const removal = store.remove(task);
    const restore = () => {
      store.restore(removal, task);
      focus.want(task.key);
    };
    did(`Deleted “${task.title}”`, restore, { change: removal.id });
  };
  return (
    <ul
      ref={list}
      aria-label="Tasks"
      className="relative overflow-clip rounded-xl border bg-sheet empty:hidden print:rounded-none print:border-0"
      style={{ height }}
      onKeyDown={(event) => moveWithKeys(event, tasks, focus.want)}
      {...focus.handlers}
    >
      {rows.map(({ index, key, start }) => {
        const task = tasks[index];
        return (
          task && (
            <li
              key={key}
              ref={measure}
              data-index={index}
              data-key={key}
              aria-posinset={index + 1}
              aria-setsize={tasks.length}
              className={clsx(
                "border-b last-of-type:border-b-0",
                start !== null && "absolute inset-x-0 top-0",
              )}
              style={{ transform: start === null ? undefined : `translateY(${start}px)` }}
            >
              <TaskRow task={task} draft={draftOf.get(task.ref)} store={store} onRemove={remove} />
            </li>
          )
        );
      })}
    </ul>
  );
}

/** Whether the page is being printed: then all rows are there before it is. */
function usePrinting(): boolean {
  const [isPrinting, setPrinting] = useState(false);
  useEffect(() => {
    const begin = () => flushSync(() => setPrinting(true));
    const end = () => setPrinting(false);
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    return () => {
      window.removeEventListener("beforeprint", begin);
      window.removeEventListener("afterprint", end);
    };
  }, []);
  return isPrinting;
}

const STEPS: Record<string, number> = {
  ArrowDown: 1,
  ArrowUp: -1,
  End: Number.POSITIVE_INFINITY,
  Home: Number.NEGATIVE_INFINITY,
};

/** Arrow keys move to the same control of the next row, Home and End to the first and the last. */
function moveWithKeys(
  event: KeyboardEvent<HTMLUListElement>,
  tasks: readonly ShownTask[],
  want: (key: string) => void,
): void {
  const step = STEPS[event.key];
  const control = (event.target as Element).closest("[data-control]");
  const row = control?.closest("li");
  if (step === undefined || !control || !row) return;
  event.preventDefault();
  const index = Math.min(Math.max(Number(row.dataset.index) + step, 0), tasks.length - 1);
  const name = control.getAttribute("data-control");
  const next = event.currentTarget.querySelector<HTMLElement>(
    `li[data-index="${index}"] [data-control="${name}"]`,
  );
  if (next) next.focus();
  else if (tasks[index]) want(tasks[index].key);
}
