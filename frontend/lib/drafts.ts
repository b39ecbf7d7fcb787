// What is being typed and is not yet a change: kept from the first letter, so that it outlives its field.
import { newKey } from "./api";
import type { Content, TaskRef } from "./changes";
import { Shelf, TAB, whenTabIsGone } from "./records";

export interface Draft {
  id: string;
  tab: string;
  /** Null for a new task. */
  task: TaskRef | null;
  title: string;
  description: string;
  /** The text that is being changed. */
  base: Content | null;
}

export class Drafts {
  /** The draft that stands in the field for a new task. */
  inField = "";
  private readonly shelf: Shelf<Draft>;
  private readonly fresh = new Set<string>();
  private readonly adopting = new Set([TAB]);

  constructor(
    userId: string,
    private readonly onChange: () => void,
  ) {
    this.shelf = new Shelf("draft", userId, isDraft);
  }

  /** Take over the drafts of tabs that are gone, but for those in which nothing was typed. */
  start(): () => void {
    for (const { tab } of this.shelf.all()) {
      if (this.adopting.has(tab)) continue;
      this.adopting.add(tab);
      whenTabIsGone(tab, () => {
        for (const draft of this.shelf.all())
          if (draft.tab === tab && !hasChanged(draft)) this.shelf.delete(draft.id);
        this.shelf.adopt(tab);
        this.settle();
      });
    }
    return this.shelf.noticeOtherTabs();
  }

  own(): readonly Draft[] {
    return this.shelf.all().filter(({ tab }) => tab === TAB);
  }

  get(id: string): Draft | undefined {
    return this.shelf.get(id);
  }

  of(task: TaskRef | null): Draft | undefined {
    return this.own().find((draft) => draft.task === task);
  }

  make(task: TaskRef | null = null, base: Content | null = null, text: Content | null = base): Draft {
    const title = text?.title ?? "";
    return { id: newKey(), tab: TAB, task, base, title, description: text?.description ?? "" };
  }

  /** Begin to edit a text, or go on with it. */
  open(task: TaskRef | null, base: Content | null, text: Content | null = base): void {
    if (task !== null && this.of(task)) return;
    const draft = this.make(task, base, text);
    this.fresh.add(draft.id);
    this.put(draft);
    this.settle();
  }

  reopen(draft: Draft): void {
    this.put({ ...draft, tab: TAB });
    this.settle();
  }

  /** Keep the text: with every letter, so nobody is told. */
  put(draft: Draft): void {
    this.shelf.put(draft);
  }

  close(id: string): void {
    this.shelf.delete(id);
    this.settle();
  }

  /** Whether a draft was opened just now, by somebody who wants to type; once. */
  takeFresh(id: string): boolean {
    return this.fresh.delete(id);
  }

  /** Have the drafts shown as they are now. */
  settle(): void {
    this.onChange();
  }

  /** What was typed and is gone with this tab. */
  fleeting(): Draft[] {
    return this.shelf.fleeting().filter(hasChanged);
  }
}

function isDraft({ title, description }: Record<string, unknown>): boolean {
  return typeof title === "string" && typeof description === "string";
}

function hasChanged({ title, description, base }: Draft): boolean {
  return title !== (base?.title ?? "") || description !== (base?.description ?? "");
}
