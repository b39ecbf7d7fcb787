"use client";

import { onlineManager } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { Task, TaskStatus } from "@/lib/api";
import { chooseFilter, FILTERS, filterHref, passes, useFilter } from "@/lib/use-filter";
import { sentence, useChange, useTasks } from "@/lib/use-tasks";
import { cn } from "@/lib/utils";
import { NewTask } from "./new-task";
import { SignedIn } from "./signed-in";
import { TaskList } from "./task-list";
import { Alert } from "./ui/alert";
import { buttonVariants } from "./ui/button";
import { Skeleton } from "./ui/skeleton";

export function TasksPage() {
  return (
    <SignedIn fallback={<TasksSkeleton />}>{(userId) => <Tasks key={userId} userId={userId} />}</SignedIn>
  );
}

function Tasks({ userId }: { userId: string }) {
  const { tasks, data, error } = useTasks(userId);
  const change = useChange(userId);
  const filter = useFilter();
  const shown = useMemo(() => tasks.filter((task) => passes(task, filter)), [tasks, filter]);
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className="flex flex-col gap-5">
      <h1 className="text-2xl font-semibold">Tasks</h1>
      <NewTask change={change} input={input} />
      <Filters tasks={tasks} filter={filter} />
      <Connection error={error} />
      {data === undefined && <RowSkeletons />}
      {data !== undefined && shown.length === 0 && <Empty filter={filter} />}
      {data !== undefined && (
        <TaskList tasks={shown} change={change} onEmptied={() => input.current?.focus()} />
      )}
    </div>
  );
}

const NAMES: Record<TaskStatus, string> = { all: "All", pending: "Pending", completed: "Completed" };

function Filters({ tasks, filter }: { tasks: Task[]; filter: TaskStatus }) {
  const completed = useMemo(() => tasks.filter((task) => task.completed).length, [tasks]);
  const counts = { all: tasks.length, pending: tasks.length - completed, completed };
  return (
    <nav aria-label="Filter" className="flex gap-1 rounded-lg bg-muted p-1">
      {FILTERS.map((each) => (
        <a
          key={each}
          href={filterHref(each)}
          onClick={chooseFilter}
          aria-current={each === filter ? "page" : undefined}
          className={cn(
            buttonVariants({ variant: "ghost", size: "sm" }),
            "flex-1 px-2",
            each === filter && "bg-card text-foreground shadow-xs",
          )}
        >
          {NAMES[each]}
          <span className="text-xs tabular-nums">{counts[each]}</span>
        </a>
      ))}
    </nav>
  );
}

const EMPTY: Record<TaskStatus, [string, string]> = {
  all: ["Nothing to do yet", "Write down the first task above and press Enter."],
  pending: ["All done", "No task is pending."],
  completed: ["Nothing completed yet", "A completed task stays here until you delete it."],
};

function Empty({ filter }: { filter: TaskStatus }) {
  const [title, text] = EMPTY[filter];
  return (
    <div className="rounded-xl border border-dashed px-6 py-12 text-center">
      <p className="font-medium">{title}</p>
      <p className="mt-1 text-sm text-muted-foreground">{text}</p>
    </div>
  );
}

/** What stands between this page and the server, if anything. */
function Connection({ error }: { error: Error | null }) {
  const online = useSyncExternalStore(
    (listener) => onlineManager.subscribe(listener),
    () => onlineManager.isOnline(),
    () => true,
  );
  useBrowserOnline();
  return (
    <div role="status" className="empty:hidden">
      {!online && (
        <Alert variant="warning">You are offline. What you change is sent when you are back.</Alert>
      )}
      {online && error && <Alert variant="destructive">{sentence(error)} Trying again…</Alert>}
    </div>
  );
}

/** The library starts out believing in a connection. */
function useBrowserOnline(): void {
  useEffect(() => onlineManager.setOnline(navigator.onLine), []);
}

export function TasksSkeleton() {
  return (
    <div className="flex flex-col gap-5">
      <h1 className="text-2xl font-semibold">Tasks</h1>
      <Skeleton className="h-10" />
      <Skeleton className="h-11" />
      <RowSkeletons />
    </div>
  );
}

function RowSkeletons() {
  return (
    <div className="flex flex-col gap-2" aria-busy="true" role="status" aria-label="Loading tasks">
      {["w-full", "w-full opacity-70", "w-full opacity-40"].map((look) => (
        <Skeleton key={look} className={cn("h-14", look)} />
      ))}
    </div>
  );
}
