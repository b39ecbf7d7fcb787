import { type FocusEvent, type RefObject, useRef, useState } from "react";
import type { ShownTask } from "./shown";

/** Keeps the focus in a list whose rows come and go: on the neighbour of a row that went. */
export function useKeptFocus(
  list: RefObject<HTMLElement | null>,
  tasks: readonly ShownTask[],
  onEmptied: () => void,
) {
  const [focused, setFocused] = useState<string | null>(null);
  const lastIndex = useRef(0);
  const wanted = useRef<string | null>(null);
  const index = focused === null ? -1 : tasks.findIndex(({ key }) => key === focused);

  /** Called after each time the list is drawn: the row that is wanted may be there now, or may be scrolled to. */
  const find = (scrollTo: (index: number) => void) => {
    if (wanted.current === null && focused !== null && index < 0 && hasNobody()) {
      const neighbour = tasks[Math.min(lastIndex.current, tasks.length - 1)];
      if (neighbour) wanted.current = neighbour.key;
      else onEmptied();
    }
    if (wanted.current === null) return;
    const target = tasks.findIndex(({ key }) => key === wanted.current);
    const row = list.current?.querySelector<HTMLElement>(`li[data-key="${wanted.current}"] [data-control]`);
    if (row) {
      wanted.current = null;
      row.focus();
    } else if (target >= 0) scrollTo(target);
  };

  const handlers = {
    onFocus({ target }: FocusEvent<HTMLElement>) {
      const row = target.closest<HTMLElement>("li");
      if (!row?.dataset.key) return;
      lastIndex.current = Number(row.dataset.index);
      setFocused(row.dataset.key);
    },
    onBlur({ relatedTarget, currentTarget }: FocusEvent<HTMLElement>) {
      if (relatedTarget && !currentTarget.contains(relatedTarget)) setFocused(null);
    },
  };
  /** Focus a row as soon as it is there. */
  const want = (key: string) => {
    wanted.current = key;
    setFocused(key);
  };
  return { index, handlers, want, find };
}

function hasNobody(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}
