import { type FocusEvent, type RefObject, useEffect, useRef, useState } from "react";
import type { Task } from "./api";
import { rowKey } from "./task-changes";

/** Keeps the focus in a list whose rows come and go: on the neighbour of a row that went. */
export function useKeptFocus(
  list: RefObject<HTMLElement | null>,
  tasks: Task[],
  onEmptied: () => void,
  scrollTo: (index: number) => void,
) {
  const [focused, setFocused] = useState<number | null>(null);
  const last = useRef({ key: 0, index: 0 });
  const wanted = useRef<number | null>(null);
  const index = focused === null ? -1 : tasks.findIndex(({ id }) => rowKey(id) === focused);

  useEffect(() => {
    if (wanted.current === null && focused !== null && index < 0 && hasNobody()) {
      const neighbour = tasks[Math.min(last.current.index, tasks.length - 1)];
      if (neighbour) wanted.current = rowKey(neighbour.id);
      else onEmptied();
    }
    if (wanted.current === null) return;
    const target = tasks.findIndex(({ id }) => rowKey(id) === wanted.current);
    const row = list.current?.querySelector<HTMLElement>(`li[data-key="${wanted.current}"] [data-control]`);
    if (row) {
      wanted.current = null;
      row.focus();
    } else if (target >= 0) scrollTo(target);
  });

  const handlers = {
    onFocus({ target }: FocusEvent<HTMLElement>) {
      const row = target.closest<HTMLElement>("li");
      if (!row) return;
      last.current = { key: Number(row.dataset.key), index: Number(row.dataset.index) };
      setFocused(last.current.key);
    },
    onBlur({ relatedTarget, currentTarget }: FocusEvent<HTMLElement>) {
      if (relatedTarget && !currentTarget.contains(relatedTarget)) setFocused(null);
    },
  };
  /** Focus a row as soon as it is there. */
  const want = (key: number) => {
    wanted.current = key;
  };
  return { index, handlers, want };
}

function hasNobody(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}
