"use client";

import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import type { Task } from "@/lib/api";
import { type Change, problemsOf } from "@/lib/task-changes";
import { cn } from "@/lib/utils";
import { Pencil, Trash } from "./icons";
import { contentOf } from "./new-task";
import { submitOnEnter, TaskFields } from "./task-fields";
import { Button } from "./ui/button";
import { Checkbox } from "./ui/checkbox";

interface TaskRowProps {
  task: Task;
  change: (change: Change) => void;
  onRemove: () => void;
}

export function TaskRow(props: TaskRowProps) {
  const [editing, setEditing] = useState(false);
  const wasEditing = useRef(false);
  const edit = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (wasEditing.current && !editing) edit.current?.focus();
    wasEditing.current = editing;
  }, [editing]);
  return (
    <div className="rounded-lg border bg-card">
      {editing ? (
        <Editor {...props} onDone={() => setEditing(false)} />
      ) : (
        <Shown {...props} edit={edit} onEdit={() => setEditing(true)} />
      )}
    </div>
  );
}

interface ShownProps extends TaskRowProps {
  edit: RefObject<HTMLButtonElement | null>;
  onEdit: () => void;
}

function Shown({ task, change, onRemove, edit, onEdit }: ShownProps) {
  const { id, title, description, completed } = task;
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter" || event.key === "F2") onEdit();
    else if (event.key === "Delete" || event.key === "Backspace") onRemove();
    else return;
    event.preventDefault();
  };
  return (
    <div className="flex min-h-14 items-center gap-1 py-1 pr-1 pl-4 sm:pr-2">
      <Checkbox
        data-control="complete"
        aria-label={title}
        aria-keyshortcuts="Enter Delete"
        checked={completed}
        onChange={() => change({ kind: "complete", id, title, completed: !completed })}
        onKeyDown={onKeyDown}
      />
      {/* biome-ignore lint/a11y: a shortcut for the mouse; the keyboard has the checkbox and the button */}
      <div className="min-w-0 flex-1 px-3 py-2" onDoubleClick={onEdit}>
        <p className={cn("wrap-anywhere", completed && "text-muted-foreground line-through")}>{title}</p>
        {description && (
          <p className="mt-0.5 line-clamp-3 text-sm wrap-anywhere whitespace-pre-line text-muted-foreground">
            {description}
          </p>
        )}
      </div>
      <Button
        ref={edit}
        data-control="edit"
        variant="ghost"
        size="icon"
        aria-label={`Edit ${title}`}
        onClick={onEdit}
      >
        <Pencil />
      </Button>
      <Button
        data-control="delete"
        variant="ghost"
        size="icon"
        aria-label={`Delete ${title}`}
        onClick={onRemove}
      >
        <Trash />
      </Button>
    </div>
  );
}

function Editor({ task, change, onDone }: TaskRowProps & { onDone: () => void }) {
  const [problems, setProblems] = useState<ReturnType<typeof problemsOf>>({});
  const form = useRef<HTMLFormElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  const save = (event: FormEvent) => {
    event.preventDefault();
    const content = contentOf(form.current);
    const found = problemsOf(content.title, content.description);
    setProblems(found);
    if (found.title || found.description) return;
    const title = content.title.trim();
    const description = content.description || null;
    if (title !== task.title || description !== task.description) {
      change({ kind: "edit", id: task.id, title, description });
    }
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key === "Escape") onDone();
    else submitOnEnter(event);
  };
  return (
    <form
      ref={form}
      method="post"
      noValidate
      onSubmit={save}
      onKeyDown={onKeyDown}
      className="flex flex-col gap-2 p-3"
    >
      <TaskFields
        label="Title"
        input={input}
        title={task.title}
        description={task.description ?? ""}
        problems={problems}
        detailed
      />
      <div className="flex gap-2">
        <Button type="submit" size="sm">
          Save
        </Button>
        <Button variant="outline" size="sm" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
