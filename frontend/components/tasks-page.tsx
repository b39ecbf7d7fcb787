"use client";

import { useEffect, useMemo, useRef, useState } from "react";
import type { TaskStatus } from "@/lib/api";
import type { ShownTask } from "@/lib/shown";
import type { TaskStore } from "@/lib/task-store";
import { thingsToDo } from "@/lib/times";
import { announce } from "@/lib/toasts";
import { did } from "@/lib/undo";
import { matches, passes, searchable, useFilter, useSnapshot } from "@/lib/use-store";
import { ConnectionNotice } from "./connection-notice";
import { EmptyList } from "./empty-list";
import { KeysDialog } from "./keys-dialog";
import { NewTask } from "./new-task";
import { SignedIn } from "./signed-in";
import { TaskList } from "./task-list";
import { Toolbar } from "./toolbar";
import { Button } from "./ui/button";
import { Skeleton } from "./ui/skeleton";
import { UnfinishedDrafts } from "./unfinished-drafts";

export function TasksPage() {
  return (
    <SignedIn fallback={<TasksSkeleton />}>{(store) => <Tasks key={store.userId} store={store} />}</SignedIn>
  );
}

function Tasks({ store }: { store: TaskStore }) {
  "use memo";
  const snapshot = useSnapshot(store);
  const { tasks, drafts, isLoaded } = snapshot;
  const filter = useFilter();
  const [search, setSearch] = useState("");
  const words = useMemo(() => searchable(search).split(/\s+/).filter(Boolean), [search]);
  const shown = useMemo(
    () => tasks.filter((task) => passes(task, filter) && matches(task, words)),
    [tasks, filter, words],
  );
  const counts = useMemo(() => countsOf(tasks), [tasks]);
  const input = useRef<HTMLInputElement>(null);
  useAnnouncedCount(shown.length, `${filter} ${words.join(" ")}`);
  const showAll = () => {
    setSearch("");
    if (filter !== "all") window.history.pushState(null, "", "/tasks");
  };
  const isAlone = tasks.length === 0;
  return (
    <div className="flex flex-col">
      <h1 className="pb-4 text-2xl font-bold tracking-tight">
        {isLoaded ? thingsToDo(counts.pending, counts.all) : "Tasks"}
      </h1>
      <NewTask
        store={store}
        drafts={drafts}
        input={input}
        onAdded={() => (filter === "completed" || words.length > 0) && showAll()}
      />
      <div className="flex flex-col gap-3">
        <ConnectionNotice snapshot={snapshot} onTryNow={() => store.tryNow()} />
        <UnfinishedDrafts store={store} drafts={drafts} shown={shown} tasks={tasks} onShow={showAll} />
        <Toolbar counts={counts} filter={filter} search={search} onSearch={setSearch} />
        {!isLoaded && isAlone && <RowSkeletons />}
        {isLoaded && shown.length === 0 && (
          <EmptyList filter={filter} search={search} onClear={() => setSearch("")} />
        )}
        <TaskList tasks={shown} drafts={drafts} store={store} onEmptied={() => input.current?.focus()} />
        {/* Not below a list that is still on its way: it would jump. */}
        <div className={isLoaded || !isAlone ? FOOTER : "hidden"}>
          <ClearCompleted store={store} tasks={tasks} count={words.length > 0 ? 0 : counts.completed} />
          <KeysDialog />
        </div>
      </div>
    </div>
  );
}

const FOOTER = "flex items-center justify-between gap-4 print:hidden";

function countsOf(tasks: readonly ShownTask[]): Record<TaskStatus, number> {
  const completed = tasks.filter((task) => task.completed).length;
  return { all: tasks.length, pending: tasks.length - completed, completed };
}

/** How many tasks a filter or a search leaves is said to those who hear the page. */
function useAnnouncedCount(count: number, view: string): void {
  const last = useRef(view);
  useEffect(() => {
    if (last.current === view) return;
    const timer = setTimeout(() => {
      last.current = view;
      announce(count === 1 ? "1 task" : `${count} tasks`);
    }, 300);
    return () => clearTimeout(timer);
  }, [count, view]);
}

interface ClearCompletedProps {
  store: TaskStore;
  tasks: readonly ShownTask[];
  count: number;
}

function ClearCompleted({ store, tasks, count }: ClearCompletedProps) {
  const clear = () => {
    const completed = tasks.filter((task) => task.completed);
    const removals = store.removeAll(completed);
    const restore = () =>
      store.restoreAll(removals.map((removal, index) => [removal, completed[index] as ShownTask]));
    did(count === 1 ? "Deleted 1 completed task" : `Deleted ${count} completed tasks`, restore);
  };
  return (
    <Button variant="ghost" size="small" className={count === 0 ? "invisible" : "-ml-3"} onClick={clear}>
      Clear completed
    </Button>
  );
}

export function TasksSkeleton() {
  return (
    <div className="flex flex-col">
      <h1 className="pb-4 text-2xl font-bold tracking-tight">Tasks</h1>
      <Skeleton className="mb-8 h-14" />
      <div className="flex flex-col gap-3">
        <Skeleton className="h-11" />
        <RowSkeletons />
      </div>
    </div>
  );
}

function RowSkeletons() {
  return (
    <div
      className="flex flex-col divide-y rounded-xl border bg-sheet"
      aria-busy="true"
      role="status"
      aria-label="Loading tasks"
    >
      {["w-1/2", "w-2/3", "w-1/3"].map((width) => (
        <div key={width} className="flex h-11 items-center gap-3 px-4">
          <Skeleton className="size-5" />
          <Skeleton className={`h-3 ${width}`} />
        </div>
      ))}
    </div>
  );
}
