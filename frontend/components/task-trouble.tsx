"use client";

import { useId } from "react";
import { type Content, contentOf, sentenceOf } from "@/lib/changes";
import type { ChangeRecord } from "@/lib/records";
import type { ShownTask } from "@/lib/shown";
import type { TaskStore } from "@/lib/task-store";
import { did } from "@/lib/undo";
import { Button } from "./ui/button";

interface TaskTroubleProps {
  task: ShownTask;
  record: ChangeRecord;
  store: TaskStore;
  onEdit: () => void;
}

/** What became of a change that could not be made, and what may be done about it. */
export function TaskTrouble({ task, record, store, onEdit }: TaskTroubleProps) {
  const id = useId();
  const { insist, discard } = wordsFor(record);
  const letGo = () => {
    store.discard(record);
    did(discard, () => store.takeUp(record));
  };
  const { trouble, change } = record;
  return (
    <section aria-labelledby={id} className="mt-2 rounded-lg bg-marker p-3 text-on-marker">
      <p id={id} className="font-medium">
        {sentenceOf(trouble, change.kind)}
      </p>
      {trouble?.kind === "clash" && change.kind === "edit" && (
        <dl className="mt-2 grid gap-2 sm:grid-cols-2">
          <Version name="Yours" content={change} />
          <Version name="Theirs" content={trouble.theirs} />
        </dl>
      )}
      <div className="mt-3 flex flex-wrap gap-2">
        <Button size="small" onClick={() => store.insist(record)}>
          {insist}
        </Button>
        {change.kind !== "remove" && change.kind !== "complete" && (
          <Button variant="outline" size="small" className="text-ink" onClick={onEdit}>
            Edit {task.state === "trouble" && trouble?.kind === "clash" ? "yours" : "it"}
          </Button>
        )}
        <Button variant="outline" size="small" className="text-ink" onClick={letGo}>
          {discard}
        </Button>
      </div>
    </section>
  );
}

function wordsFor({ change, trouble }: ChangeRecord): { insist: string; discard: string } {
  if (trouble?.kind === "gone") return { insist: "Add it again", discard: "Let it go" };
  if (trouble?.kind !== "clash") return { insist: "Try again", discard: "Discard" };
  if (change.kind === "remove") return { insist: "Delete anyway", discard: "Keep it" };
  return { insist: "Keep mine", discard: "Keep theirs" };
}

function Version({ name, content }: { name: string; content: Content }) {
  const { title, description } = contentOf(content);
  return (
    <div className="min-w-0 rounded-md bg-sheet p-2.5 text-ink">
      <dt className="text-sm text-faded">{name}</dt>
      <dd dir="auto" className="font-medium wrap-anywhere">
        {title}
      </dd>
      {description && (
        <dd dir="auto" className="mt-1 max-h-60 overflow-y-auto text-sm wrap-anywhere whitespace-pre-line">
          {description}
        </dd>
      )}
    </div>
  );
}
