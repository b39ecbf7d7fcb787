"use client";

import { type FormEvent, type RefObject, useRef, useState } from "react";
import { type Change, newOwnId, problemsOf } from "@/lib/task-changes";
import { Plus } from "./icons";
import { submitOnEnter, TaskFields } from "./task-fields";
import { Button } from "./ui/button";

interface NewTaskProps {
  change: (change: Change) => void;
  input: RefObject<HTMLInputElement | null>;
}

export function NewTask({ change, input }: NewTaskProps) {
  const [problems, setProblems] = useState<ReturnType<typeof problemsOf>>({});
  const [detailed, setDetailed] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const add = (event: FormEvent) => {
    event.preventDefault();
    const { title, description } = contentOf(form.current);
    const found = problemsOf(title, description);
    setProblems(found);
    if (found.title || found.description) return;
    change({ kind: "create", id: newOwnId(), title: title.trim(), description: description || null });
    form.current?.reset();
    setDetailed(false);
    input.current?.focus();
  };
  return (
    <form
      ref={form}
      onSubmit={add}
      onKeyDown={submitOnEnter}
      method="post"
      noValidate
      className="flex flex-col gap-2"
    >
      <div className="flex items-start gap-2">
        <TaskFields
          label="New task"
          placeholder="What is next?"
          input={input}
          problems={problems}
          detailed={detailed}
        />
        <Button type="submit" aria-label="Add task">
          <Plus />
          <span className="max-sm:hidden">Add</span>
        </Button>
      </div>
      {!detailed && (
        <Button variant="link" size="sm" className="h-6 self-start px-0" onClick={() => setDetailed(true)}>
          Add a description
        </Button>
      )}
    </form>
  );
}

export function contentOf(form: HTMLFormElement | null): { title: string; description: string } {
  const values = new FormData(form ?? undefined);
  return { title: String(values.get("title") ?? ""), description: String(values.get("description") ?? "") };
}
