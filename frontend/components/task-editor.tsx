"use client";

import { Trash2 } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { cleaned, contentOf, isSameContent, type Problems, problemsOf } from "@/lib/changes";
import type { Draft } from "@/lib/drafts";
import type { ShownTask } from "@/lib/shown";
import type { TaskStore } from "@/lib/task-store";
import { longTime } from "@/lib/times";
import { did } from "@/lib/undo";
import { submitOnEnter, TaskFields } from "./task-fields";
import { Button } from "./ui/button";

interface TaskEditorProps {
  task: ShownTask;
  draft: Draft;
  store: TaskStore;
  onRemove: () => void;
}

export function TaskEditor({ task, draft, store, onRemove }: TaskEditorProps) {
  const [text, setText] = useState(draft);
  const [problems, setProblems] = useState<Problems>({});
  const input = useRef<HTMLInputElement>(null);
  const isFresh = useRef(store.drafts.takeFresh(draft.id));
  useEffect(() => {
    if (isFresh.current) input.current?.select();
  }, []);
  useEffect(() => () => store.drafts.settle(), [store]);
  const change = (content: Partial<Draft>) => {
    const next = { ...text, ...content };
    store.drafts.put(next);
    setText(next);
  };
  const save = (event: FormEvent) => {
    event.preventDefault();
    const found = problemsOf(text.title, text.description);
    setProblems(found);
    if (found.title || found.description) return;
    const content = cleaned(text.title, text.description);
    store.drafts.close(text.id);
    if (isSameContent(content, text.base ?? task)) return;
    const before = contentOf(text.base ?? task);
    const change = store.edit(task, content, before);
    did(`Changed “${content.title}”`, () => store.revert(task.ref, before, content), { change });
  };
  const putAway = () => {
    store.drafts.close(text.id);
    if (isSameContent(cleaned(text.title, text.description), text.base ?? task)) return;
    did("What you typed is put away", () => store.drafts.reopen(text));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLFormElement>) => {
    // While letters are being composed, Escape belongs to the keyboard.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") putAway();
    else submitOnEnter(event);
  };
  return (
    <form
      method="post"
      noValidate
      aria-label={`Edit ${task.title}`}
      onSubmit={save}
      onKeyDown={onKeyDown}
      className="flex flex-col gap-3 bg-hover/60 p-3 sm:p-4"
    >
      <TaskFields
        label="Title"
        input={input}
        content={text}
        onContent={change}
        problems={problems}
        detailed
      />
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" size="small">
          Save
        </Button>
        <Button variant="outline" size="small" onClick={putAway}>
          Cancel
        </Button>
        <Button variant="ghost" size="small" className="ml-auto" onClick={onRemove}>
          <Trash2 className="size-4" />
          Delete
        </Button>
      </div>
      <Times task={task} />
    </form>
  );
}

function Times({ task: { createdAt, updatedAt } }: { task: ShownTask }) {
  if (createdAt === null || updatedAt === null) return null;
  return (
    <p className="text-sm text-faded">
      Added {longTime(createdAt)}
      {updatedAt !== createdAt && `; changed ${longTime(updatedAt)}`}
    </p>
  );
}
