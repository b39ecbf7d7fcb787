"use client";

import { Plus } from "lucide-react";
import { type ClipboardEvent, type FormEvent, type RefObject, useEffect, useState } from "react";
import { type Content, cleaned, linesOf, type Problems, problemsOf, TITLE_MAX } from "@/lib/changes";
import type { Draft } from "@/lib/drafts";
import type { TaskStore } from "@/lib/task-store";
import { did } from "@/lib/undo";
import { submitOnEnter, TaskFields } from "./task-fields";
import { Button } from "./ui/button";

interface NewTaskProps {
  store: TaskStore;
  drafts: readonly Draft[];
  input: RefObject<HTMLInputElement | null>;
  /** Called when something was added, so that it can be seen. */
  onAdded: () => void;
}

const EMPTY = { id: "", title: "", description: "" };

export function NewTask({ store, drafts, input, onAdded }: NewTaskProps) {
  "use memo";
  const [text, setText] = useNewDraft(store, drafts);
  const [problems, setProblems] = useState<Problems>({});
  const [isDetailed, setDetailed] = useState(false);
  const add = (contents: readonly Content[], rest = EMPTY) => {
    const made = contents.map((content) => store.create(content));
    const [first] = contents;
    const label =
      contents.length === 1 && first ? `Added “${first.title}”` : `Added ${contents.length} tasks`;
    const isOne = contents.length === 1;
    did(label, () => store.removeMade(made), { quiet: isOne, change: isOne ? made[0] : undefined });
    setText(rest);
    setProblems({});
    setDetailed(rest.description !== "");
    onAdded();
    input.current?.focus();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = problemsOf(text.title, text.description);
    setProblems(found);
    if (!found.title && !found.description) add([cleaned(text.title, text.description)]);
  };
  const paste = (event: ClipboardEvent<HTMLInputElement>) => {
    const { value, selectionStart, selectionEnd } = event.currentTarget;
    const pasted = event.clipboardData.getData("text/plain");
    const before = value.slice(0, selectionStart ?? 0);
    const titles = linesOf(before + pasted + value.slice(selectionEnd ?? value.length));
    if (titles.length < 2) return;
    event.preventDefault();
    // The newest stands on top: the first line is the last one made.
    add(titles.map(contentOfLine).reverse(), { ...text, title: "" });
  };
  const hasText = text.title.trim() !== "" || text.description !== "";
  return (
    <form onSubmit={submit} onKeyDown={submitOnEnter} method="post" noValidate className="print:hidden">
      <TaskFields
        label="New task"
        placeholder="What is next?"
        large
        input={input}
        content={text}
        onContent={(content) => setText({ ...text, ...content })}
        onPaste={paste}
        problems={problems}
        detailed={isDetailed || text.description !== ""}
        before={<Plus className="size-5 text-pen" />}
        beside={
          <Button type="submit" aria-label="Add task" className={hasText ? "" : "invisible"}>
            Add
          </Button>
        }
      />
      <div className="h-8 pt-1.5 pl-1">
        {hasText && !isDetailed && text.description === "" && (
          <Button variant="link" size="text" onClick={() => setDetailed(true)}>
            Add a description
          </Button>
        )}
      </div>
    </form>
  );
}

/** The text of the field, kept with every letter; what was typed in a tab that is gone comes back. */
function useNewDraft(store: TaskStore, drafts: readonly Draft[]) {
  const [text, setText] = useState(() => store.drafts.of(null) ?? EMPTY);
  const isEmpty = text.title === "" && text.description === "";
  const waiting = drafts.find(({ task, id }) => task === null && id !== text.id);
  useEffect(() => {
    if (isEmpty && waiting) setText(store.drafts.get(waiting.id) ?? EMPTY);
  }, [isEmpty, waiting, store]);
  useEffect(() => {
    if (store.drafts.inField === text.id) return;
    store.drafts.inField = text.id;
    store.drafts.settle();
  }, [text.id, store]);
  const change = (next: typeof EMPTY) => {
    const isGone = next.title === "" && next.description === "";
    if (isGone && text.id) store.drafts.close(text.id);
    if (isGone) return setText(EMPTY);
    const { title, description } = next;
    const draft = { ...(store.drafts.get(next.id) ?? store.drafts.make()), title, description };
    store.drafts.put(draft);
    setText(draft);
  };
  return [text, change] as const;
}

/** A line that is too long for a title stands in the description as well, in full. */
function contentOfLine(line: string): Content {
  const letters = [...line];
  if (letters.length <= TITLE_MAX) return cleaned(line, "");
  return cleaned(`${letters.slice(0, TITLE_MAX - 1).join("")}…`, line);
}
