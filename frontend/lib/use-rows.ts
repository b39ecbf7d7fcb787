// Which rows of a long list are in the document, and where. What works that out is loaded by those only who have
// so many tasks; everybody else has all rows in the document, one below the other.
import type { Range, Virtualizer } from "@tanstack/virtual-core";
import { type RefObject, useEffect, useLayoutEffect, useReducer, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { ShownTask } from "./shown";

type Core = typeof import("@tanstack/virtual-core");
type Rows = Virtualizer<Window, HTMLLIElement>;

/** So many rows cost nothing that anybody would notice. */
const FEW = 100;
/** Until what works them out is there: more than a screenful. */
const FIRST = 40;
const ROW_HEIGHT = 45;

interface Place {
  index: number;
  key: string;
  /** Pixels from the top of the list; null where rows stand one below the other. */
  start: number | null;
}

interface Places {
  rows: readonly Place[];
  /** Of the whole list, in pixels; undefined where the rows themselves say it. */
  height: number | undefined;
  measure: ((row: HTMLLIElement | null) => void) | undefined;
  scrollTo: (index: number) => void;
}

/** The rows near the window, and the one at `focused`, or the focus would be lost; on paper, all of them. */
export function useRows(
  list: RefObject<HTMLElement | null>,
  tasks: readonly ShownTask[],
  focused: number,
  isPrinting: boolean,
): Places {
  "use no memo"; // the virtualizer is one object, whose answers change
  const isLong = tasks.length > FEW;
  const core = useCore(isLong);
  const [, render] = useReducer((renders: number) => renders + 1, 0);
  const [top, setTop] = useState(0);
  const made = useRef<Rows | null>(null);
  const isMeasuring = useRef(false);
  if (isLong && core && core !== "missing") {
    const options = {
      count: tasks.length,
      estimateSize: () => ROW_HEIGHT,
      getItemKey: (index: number) => tasks[index]?.key ?? index,
      overscan: 8,
      scrollMargin: top,
      rangeExtractor: (range: Range) => withIndex(core.defaultRangeExtractor(range), focused, range.count),
      getScrollElement: () => window,
      observeElementRect: core.observeWindowRect,
      observeElementOffset: core.observeWindowOffset,
      scrollToFn: core.windowScroll,
      initialOffset: () => window.scrollY,
      // Not while React commits, which is when it has rows measured.
      onChange: (_: Rows, sync: boolean) => (sync && !isMeasuring.current ? flushSync(render) : render()),
    };
    made.current ??= new core.Virtualizer<Window, HTMLLIElement>(options);
    made.current.setOptions(options);
  } else made.current = null;
  const rows = made.current;
  useLayoutEffect(() => rows?._didMount(), [rows]);
  useLayoutEffect(() => rows?._willUpdate());
  // What stands above the list comes and goes.
  useLayoutEffect(() => {
    if (rows) setTop(list.current?.offsetTop ?? 0);
  });
  const [measure] = useState(() => (row: HTMLLIElement | null) => {
    isMeasuring.current = true;
    made.current?.measureElement(row);
    isMeasuring.current = false;
  });
  const inFlow = isLong && core === null && !isPrinting ? tasks.slice(0, FIRST) : tasks;
  if (!rows || isPrinting)
    return { rows: inFlow.map(asTheyCome), height: undefined, measure: undefined, scrollTo };
  return {
    rows: rows.getVirtualItems().map(({ index, start }) => placeOf(tasks, index, start - top)),
    height: rows.getTotalSize() + 2,
    measure,
    scrollTo: (index) => rows.scrollToIndex(index),
  };
}

/** Null until it is loaded; where it cannot be had, all rows are in the document, however slow that is. */
function useCore(isWanted: boolean): Core | "missing" | null {
  const [core, setCore] = useState<Core | "missing" | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    let isGone = false;
    const take = (found: Core | "missing") => !isGone && setCore(found);
    import("@tanstack/virtual-core").then(take, () => take("missing"));
    return () => {
      isGone = true;
    };
  }, [isWanted]);
  return core;
}

function withIndex(indexes: number[], index: number, count: number): number[] {
  if (index < 0 || index >= count || indexes.includes(index)) return indexes;
  return [...indexes, index].sort((a, b) => a - b);
}

function placeOf(tasks: readonly ShownTask[], index: number, start: number): Place {
  return { index, key: tasks[index]?.key ?? String(index), start };
}

function asTheyCome({ key }: ShownTask, index: number): Place {
  return { index, key, start: null };
}

/** All rows are there: the one that is looked for is found. */
function scrollTo(): void {}
