"use client";

import { defaultRangeExtractor, type Range, useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useLayoutEffect, useRef, useState } from "react";
import type { Task } from "@/lib/api";
import { type Change, rowKey } from "@/lib/task-changes";
import { useKeptFocus } from "@/lib/use-kept-focus";
import { useRemoval } from "@/lib/use-tasks";
import { TaskRow } from "./task-row";

const ROW_HEIGHT = 66;

interface TaskListProps {
  tasks: Task[];
  change: (change: Change) => void;
  /** Called when the row that had the focus was the last one. */
  onEmptied: () => void;
}

/** However many tasks there are, only those near the window are in the document. */
export function TaskList({ tasks, change, onEmptied }: TaskListProps) {
  const list = useRef<HTMLUListElement>(null);
  const top = useOffsetTop(list);
  const focus = useKeptFocus(list, tasks, onEmptied, (index) => rows.scrollToIndex(index));
  const rows = useWindowVirtualizer({
    count: tasks.length,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rowKey(tasks[index]?.id ?? 0),
    overscan: 8,
    scrollMargin: top,
    // The row that has the focus stays, or the focus would be lost.
    rangeExtractor: useCallback((range: Range) => withIndex(range, focus.index), [focus.index]),
  });
  const remove = useRemoval(change);
  return (
    <ul
      ref={list}
      aria-label="Tasks"
      className="relative"
      style={{ height: rows.getTotalSize() }}
      onKeyDown={moveWithArrows}
      {...focus.handlers}
    >
      {rows.getVirtualItems().map(({ index, key, start }) => {
        const task = tasks[index];
        return (
          task && (
            <li
              key={key}
              ref={rows.measureElement}
              data-index={index}
              data-key={key}
              aria-posinset={index + 1}
              aria-setsize={tasks.length}
              className="absolute inset-x-0 top-0 pb-2"
              style={{ transform: `translateY(${start - top}px)` }}
            >
              <TaskRow
                task={task}
                change={change}
                onRemove={() => remove(task, () => focus.want(rowKey(task.id)))}
              />
            </li>
          )
        );
      })}
    </ul>
  );
}

function useOffsetTop(list: { current: HTMLElement | null }): number {
  const [top, setTop] = useState(0);
  // What stands above the list comes and goes.
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0));
  return top;
}

function withIndex(range: Range, index: number): number[] {
  const indexes = defaultRangeExtractor(range);
  if (index < 0 || index >= range.count || indexes.includes(index)) return indexes;
  return [...indexes, index].sort((a, b) => a - b);
}

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

/** Arrow keys move to the same control of the next row. */
function moveWithArrows(event: KeyboardEvent<HTMLUListElement>): void {
  const step = STEPS[event.key];
  const control = (event.target as Element).closest("[data-control]");
  const row = control?.closest("li");
  if (step === undefined || !control || !row) return;
  const name = control.getAttribute("data-control");
  const next = event.currentTarget.querySelector<HTMLElement>(
    `li[data-index="${Number(row.dataset.index) + step}"] [data-control="${name}"]`,
  );
  event.preventDefault();
  next?.focus();
}
