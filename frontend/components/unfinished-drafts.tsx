"use client";

import { cleaned, problemsOf } from "@/lib/changes";
import type { Draft } from "@/lib/drafts";
import type { ShownTask } from "@/lib/shown";
import type { TaskStore } from "@/lib/task-store";
import { did } from "@/lib/undo";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";

interface UnfinishedDraftsProps {
  store: TaskStore;
  drafts: readonly Draft[];
  shown: readonly ShownTask[];
  tasks: readonly ShownTask[];
  /** Have all tasks shown. */
  onShow: () => void;
}

/** What was being typed where it cannot be seen now: in a task that is not shown, or is gone, or in another tab. */
export function UnfinishedDrafts({ store, drafts, shown, tasks, onShow }: UnfinishedDraftsProps) {
  if (drafts.length === 0) return null;
  const refs = new Set(shown.map(({ ref }) => ref));
  const otherNew = drafts.filter(({ task, id }) => task === null && id !== store.drafts.inField);
  const hidden = drafts.filter(({ task }) => task !== null && !refs.has(task));
  return [...hidden, ...otherNew].map((draft) => (
    <Unfinished
      key={draft.id}
      store={store}
      draft={draft}
      onShow={tasks.some(({ ref }) => ref === draft.task) ? onShow : null}
    />
  ));
}

interface UnfinishedProps {
  store: TaskStore;
  draft: Draft;
  /** Null where there is no task any more. */
  onShow: (() => void) | null;
}

function Unfinished({ store, draft, onShow }: UnfinishedProps) {
  const discard = () => {
    store.drafts.close(draft.id);
    did("What you typed is put away", () => store.drafts.reopen(draft));
  };
  const add = () => {
    const { title, description } = problemsOf(draft.title, draft.description);
    if (title || description) return store.drafts.reopen({ ...draft, task: null, base: null });
    store.drafts.close(draft.id);
    const made = store.create(cleaned(draft.title, draft.description));
    did(`Added “${draft.title}”`, () => store.removeMade([made]));
  };
  return (
    <Notice tone="marker" className="print:hidden">
      <p className="min-w-0 flex-1 basis-48 wrap-anywhere">
        Not finished: “<bdi>{draft.title || draft.description}</bdi>”
      </p>
      <div className="flex gap-2">
        <Button variant="outline" size="small" className="text-ink" onClick={onShow ?? add}>
          {onShow ? "Go on" : "Add as a task"}
        </Button>
        <Button variant="outline" size="small" className="text-ink" onClick={discard}>
          Put away
        </Button>
      </div>
    </Notice>
  );
}
