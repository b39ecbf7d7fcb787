// The tasks of a user as the page shows them: what the server last said, with what has been done here since.
import {
  type QueryClient,
  useMutation,
  useMutationState,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { ApiError, type Task } from "./api";
import { actAs, taskward } from "./clients";
import { applyChange, applyFact, type Change, type Fact, rememberSaved, savedId } from "./task-changes";
import { dismissAll, showToast } from "./toasts";

const RETRY_SECONDS = 3;
const NO_TASKS: Task[] = [];

export function useTasks(userId: string) {
  const key = tasksKey(userId);
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => {
      actAs(userId);
      return taskward.tasks.list({ signal });
    },
    refetchInterval: ({ state }) => (state.status === "error" ? RETRY_SECONDS * 1000 : false),
  });
  const pending = useMutationState({
    filters: { mutationKey: key, status: "pending" },
    select: ({ state }) => state.variables as Change,
  });
  const removals = useSyncExternalStore(
    subscribeToRemovals,
    () => deferred,
    () => deferred,
  );
  const known = query.data ?? NO_TASKS;
  const tasks = useMemo(
    () => [...pending, ...removals].reduce(applyChange, known),
    [pending, removals, known],
  );
  return { ...query, tasks };
}

export function tasksKey(userId: string): readonly [string, string] {
  return ["tasks", userId];
}

/** Returns a function that makes a change, in the order of calls, and says so if the server refuses it. */
export function useChange(userId: string): (change: Change) => void {
  const queries = useQueryClient();
  const { mutate } = useMutation({
    mutationKey: tasksKey(userId),
    scope: { id: "tasks" },
    mutationFn: (change: Change) => {
      actAs(userId);
      return send(change);
    },
    onSuccess: (fact, change) => learn(queries, userId, fact, change),
    onError: (error, change) => {
      void queries.invalidateQueries({ queryKey: tasksKey(userId) });
      const again = isFinal(error) ? {} : { action: { label: "Try again", run: () => mutate(change) } };
      showToast({ tone: "error", message: `${failureOf(change)} ${sentence(error)}`, ...again });
    },
  });
  return mutate;
}

async function send(change: Change): Promise<Fact> {
  if (change.kind === "create") {
    const { title, description } = change;
    return { task: await taskward.tasks.create({ title, description }) };
  }
  const id = savedId(change.id);
  if (id === undefined) throw new ApiError(404, "It was never saved.");
  if (change.kind === "edit") {
    const { title, description } = change;
    return { task: await taskward.tasks.replace(id, { title, description }) };
  }
  if (change.kind === "complete") return { task: await complete(id, change.completed) };
  return remove(id);
}

/** The server can only toggle: if somebody else did so in the meantime, once more. */
async function complete(id: number, completed: boolean): Promise<Task> {
  const task = await taskward.tasks.toggle(id);
  return task.completed === completed ? task : taskward.tasks.toggle(id);
}

/** A task that is gone already was removed as well. */
async function remove(id: number): Promise<Fact> {
  try {
    await taskward.tasks.remove(id, { keepalive: true });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  return { removed: id };
}

/** Note what the server said, here and in the other tabs; a list that was asked for before may not know it. */
async function learn(queries: QueryClient, userId: string, fact: Fact, change: Change): Promise<void> {
  if (change.kind === "create" && "task" in fact) rememberSaved(change.id, fact.task.id);
  note(queries, userId, fact);
  channel()?.postMessage({ userId, fact });
  const key = { queryKey: tasksKey(userId) };
  if (queries.isFetching(key) > 0) await queries.invalidateQueries(key);
}

function note(queries: QueryClient, userId: string, fact: Fact): void {
  queries.setQueryData<Task[]>(tasksKey(userId), (tasks) => tasks && applyFact(tasks, fact));
}

// Other tabs

let opened: BroadcastChannel | undefined;

function channel(): BroadcastChannel | undefined {
  if (typeof BroadcastChannel !== "undefined") opened ??= new BroadcastChannel("taskward.tasks");
  return opened;
}

/** Hear what other tabs learnt from the server. */
export function useOtherTabs(): void {
  const queries = useQueryClient();
  useEffect(() => {
    const hear = ({ data }: MessageEvent<{ userId: string; fact: Fact }>) =>
      note(queries, data.userId, data.fact);
    const heard = channel();
    heard?.addEventListener("message", hear);
    return () => heard?.removeEventListener("message", hear);
  }, [queries]);
}

// Removals wait until nobody wants them undone any more.

type Removal = Extract<Change, { kind: "remove" }>;
let deferred: readonly Removal[] = [];
const listeners = new Set<() => void>();

function subscribeToRemovals(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function setDeferred(next: readonly Removal[]): void {
  deferred = next;
  for (const listener of listeners) listener();
}

export const UNDO = "Undo";

/** Returns a function that removes a task, unless the user undoes it within seconds. */
export function useRemoval(change: (change: Change) => void): (task: Task, onUndo: () => void) => void {
  return useCallback(
    ({ id, title }, onUndo) => {
      const removal: Removal = { kind: "remove", id, title };
      const settle = () => setDeferred(deferred.filter((one) => one !== removal));
      setDeferred([...deferred, removal]);
      showToast({
        message: `Deleted “${title}”`,
        action: {
          label: UNDO,
          run: () => {
            settle();
            onUndo();
          },
        },
        onGone: () => {
          change(removal);
          settle();
        },
      });
    },
    [change],
  );
}

/** Send what waits when the page is left: these requests outlive it. */
export function useFarewell(): void {
  useEffect(() => {
    window.addEventListener("pagehide", dismissAll);
    return () => window.removeEventListener("pagehide", dismissAll);
  }, []);
}

// What is said when something fails

function failureOf(change: Change): string {
  const verb = { create: "added", edit: "changed", complete: "changed", remove: "deleted" }[change.kind];
  return `“${change.title}” was not ${verb}.`;
}

/** Whether trying again cannot help. */
function isFinal(error: Error): boolean {
  return error instanceof ApiError && [401, 404, 422].includes(error.status);
}

export function sentence(error: Error): string {
  const text = error instanceof ApiError ? error.detail : "Something went wrong";
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
