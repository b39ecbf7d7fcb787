"use client";

import { clsx } from "clsx";
import { Pencil, Trash2 } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useEffect, useId, useRef, useState } from "react";
import type { Draft } from "@/lib/drafts";
import type { ShownTask } from "@/lib/shown";
import type { TaskStore } from "@/lib/task-store";
import { longTime, shortTime } from "@/lib/times";
import { did } from "@/lib/undo";
import { RichText } from "./rich-text";
import { TaskEditor } from "./task-editor";
import { TaskTrouble } from "./task-trouble";
import { Button } from "./ui/button";
import { Checkbox } from "./ui/checkbox";

interface TaskRowProps {
  task: ShownTask;
  /** What is being typed, if the task is being edited. */
  draft: Draft | undefined;
  store: TaskStore;
  onRemove: (task: ShownTask) => void;
}

export function TaskRow({ task, draft, store, onRemove }: TaskRowProps) {
  "use memo";
  const checkbox = useRef<HTMLInputElement>(null);
  const wasEditing = useRef(false);
  const isEditing = draft !== undefined;
  useEffect(() => {
    // Where the keys of a task work.
    if (wasEditing.current && !isEditing) checkbox.current?.focus();
    wasEditing.current = isEditing;
  }, [isEditing]);
  const remove = () => onRemove(task);
  if (draft) return <TaskEditor key={draft.id} task={task} draft={draft} store={store} onRemove={remove} />;
  return <Shown task={task} store={store} checkbox={checkbox} onRemove={remove} />;
}

interface ShownProps {
  task: ShownTask;
  store: TaskStore;
  checkbox: { current: HTMLInputElement | null };
  onRemove: () => void;
}

function Shown({ task, store, checkbox, onRemove }: ShownProps) {
  "use memo";
  const id = useId();
  const { title, description, completed, troubled } = task;
  const edit = () => store.startEditing(task);
  const complete = () => {
    const change = store.complete(task, !completed);
    const label = `${completed ? "Reopened" : "Completed"} “${title}”`;
    did(label, () => store.setCompleted(task.ref, completed), { change });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter" || event.key === "F2") edit();
    else if (event.key === "Delete" || event.key === "Backspace") onRemove();
    else return;
    event.preventDefault();
  };
  return (
    <div className="group relative flex items-start gap-3 px-4 py-2.5 hover:bg-hover/60 print:break-inside-avoid print:px-0">
      {/* biome-ignore lint/a11y/noLabelWithoutControl: it makes the checkbox as large as a finger */}
      <label className="-m-3 shrink-0 p-3.5">
        <Checkbox
          ref={checkbox}
          data-control="complete"
          className="block"
          aria-label={title}
          aria-describedby={`${id}-state`}
          aria-keyshortcuts="Enter Delete"
          checked={completed}
          onChange={complete}
          onKeyDown={onKeyDown}
        />
      </label>
      {/* biome-ignore lint/a11y: a shortcut for the mouse and the finger; the keyboard has the checkbox and the button */}
      <div className="min-w-0 flex-1 cursor-text" onClick={(event) => isPlainClick(event) && edit()}>
        <p dir="auto" className={clsx("wrap-anywhere", completed && DONE)}>
          <RichText text={title} />
        </p>
        {description && <Description text={description} />}
        <Progress id={`${id}-state`} task={task} store={store} />
        {troubled && <TaskTrouble task={task} record={troubled} store={store} onEdit={edit} />}
      </div>
      <When task={task} />
      <Actions title={title} onEdit={edit} onRemove={onRemove} />
    </div>
  );
}

const DONE = "text-faded line-through decoration-pen/70 decoration-[1.5px]";

/** Not a click on a link or a button, and not the end of selecting some text. */
function isPlainClick({ target }: MouseEvent): boolean {
  const selects = window.getSelection()?.isCollapsed === false;
  return !selects && (target as Element).closest("a, button, section") === null;
}

const SHORT_LINES = 3;
const SHORT_LENGTH = 240;

function Description({ text }: { text: string }) {
  const [isOpen, setOpen] = useState(false);
  const isLong = text.length > SHORT_LENGTH || text.split("\n").length > SHORT_LINES;
  return (
    <>
      <p
        dir="auto"
        className={clsx(
          "mt-0.5 text-[0.9375rem] wrap-anywhere whitespace-pre-line text-faded",
          isLong && !isOpen && "line-clamp-3 print:line-clamp-none",
        )}
      >
        <RichText text={text} />
      </p>
      {isLong && (
        <Button
          variant="link"
          size="text"
          className="print:hidden"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? "Show less" : "Show all"}
        </Button>
      )}
    </>
  );
}

function Progress({ id, task, store }: { id: string; task: ShownTask; store: TaskStore }) {
  return (
    <p id={id} className="flex items-center gap-3 text-sm empty:hidden">
      {task.state === "saving" && <span className="text-faded">Saving…</span>}
      {task.state === "waiting" && (
        <>
          <span className="rounded bg-marker px-1.5 text-on-marker">Not saved yet</span>
          <Button variant="link" size="text" onClick={() => store.tryNow()}>
            Try again
          </Button>
        </>
      )}
    </p>
  );
}

function When({ task: { createdAt, updatedAt } }: { task: ShownTask }) {
  if (createdAt === null || updatedAt === null) return null;
  return (
    <time
      dateTime={createdAt}
      title={`Added ${longTime(createdAt)}\nChanged ${longTime(updatedAt)}`}
      className="shrink-0 text-sm leading-6 text-faded tabular-nums group-focus-within:pointer-fine:opacity-0 group-hover:pointer-fine:opacity-0 max-[26rem]:hidden"
    >
      {shortTime(createdAt)}
    </time>
  );
}

interface ActionsProps {
  title: string;
  onEdit: () => void;
  onRemove: () => void;
}

/** Seen while somebody points at the task or has the focus in it; a finger taps the task instead. */
function Actions({ title, onEdit, onRemove }: ActionsProps) {
  // A second click of a double click would hit the task that has moved up.
  const once = (act: () => void) => (event: MouseEvent) => {
    if (event.detail < 2) act();
  };
  return (
    <div className="absolute top-1 right-2 flex rounded-lg opacity-0 max-[26rem]:bg-sheet max-[26rem]:not-focus-within:sr-only group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:sr-only print:hidden">
      <Button
        data-control="edit"
        variant="ghost"
        size="icon"
        aria-label={`Edit ${title}`}
        onClick={once(onEdit)}
      >
        <Pencil />
      </Button>
      <Button
        data-control="delete"
        variant="ghost"
        size="icon"
        aria-label={`Delete ${title}`}
        onClick={once(onRemove)}
      >
        <Trash2 />
      </Button>
    </div>
  );
}
