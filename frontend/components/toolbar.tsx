"use client";

import { clsx } from "clsx";
import { Search } from "lucide-react";
import { useEffect, useRef } from "react";
import type { TaskStatus } from "@/lib/api";
import { onPlainKey } from "@/lib/keys";
import { chooseFilter, FILTERS, filterHref } from "@/lib/use-store";

const NAMES: Record<TaskStatus, string> = { all: "All", pending: "Pending", completed: "Completed" };

interface ToolbarProps {
  counts: Record<TaskStatus, number>;
  filter: TaskStatus;
  search: string;
  onSearch: (text: string) => void;
}

export function Toolbar({ counts, filter, search, onSearch }: ToolbarProps) {
  "use memo";
  return (
    <div className="flex flex-wrap gap-2 print:hidden">
      <nav aria-label="Filter" className="flex basis-full gap-1 rounded-xl bg-line/60 p-1 sm:basis-auto">
        {FILTERS.map((each) => (
          <a
            key={each}
            href={filterHref(each)}
            onClick={chooseFilter}
            aria-current={each === filter ? "page" : undefined}
            className={clsx(
              "flex h-9 flex-1 items-center justify-center gap-1.5 rounded-lg px-2 sm:px-3 text-[0.9375rem] font-medium pointer-coarse:h-11",
              each === filter ? "bg-raised text-ink shadow-sm" : "text-faded hover:text-ink",
            )}
          >
            {NAMES[each]}
            <span className="text-sm font-normal tabular-nums">{counts[each]}</span>
          </a>
        ))}
      </nav>
      <SearchField search={search} onSearch={onSearch} />
    </div>
  );
}

function SearchField({ search, onSearch }: Pick<ToolbarProps, "search" | "onSearch">) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(
    () =>
      onPlainKey("/", () => {
        input.current?.focus();
        input.current?.select();
      }),
    [],
  );
  return (
    <div className="relative min-w-40 flex-1">
      <Search className="pointer-events-none absolute top-3 left-3 size-5 text-faded pointer-coarse:top-4" />
      <input
        ref={input}
        type="search"
        dir="auto"
        aria-label="Search"
        aria-keyshortcuts="/"
        placeholder="Search"
        autoComplete="off"
        value={search}
        onChange={({ target }) => onSearch(target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && !event.nativeEvent.isComposing) onSearch("");
        }}
        className="field h-11 rounded-xl! pl-10! pointer-coarse:h-13"
      />
    </div>
  );
}
