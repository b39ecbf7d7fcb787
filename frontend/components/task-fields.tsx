"use client";

import { clsx } from "clsx";
import { type ClipboardEventHandler, type KeyboardEvent, type ReactNode, type RefObject, useId } from "react";
import type { Problems } from "@/lib/changes";
import { Input, Textarea } from "./ui/input";

interface Text {
  title: string;
  description: string;
}

interface TaskFieldsProps {
  label: string;
  placeholder?: string;
  input?: RefObject<HTMLInputElement | null>;
  content: Text;
  onContent: (change: Partial<Text>) => void;
  onPaste?: ClipboardEventHandler<HTMLInputElement>;
  problems: Problems;
  detailed: boolean;
  large?: boolean;
  /** What stands in front of the title, and after it. */
  before?: ReactNode;
  beside?: ReactNode;
}

export function TaskFields(props: TaskFieldsProps) {
  const { label, placeholder, input, content, onContent, onPaste, problems, detailed, large } = props;
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <div className="relative flex items-center">
        {props.before && <span className="pointer-events-none absolute left-3.5">{props.before}</span>}
        <Input
          ref={input}
          name="title"
          aria-label={label}
          placeholder={placeholder}
          value={content.title}
          onChange={({ target }) => onContent({ title: target.value })}
          onPaste={onPaste}
          autoComplete="off"
          enterKeyHint="done"
          className={clsx(large && "h-14! rounded-xl! pr-20! pl-11! text-lg! shadow-sm")}
          {...invalid(problems.title, `${id}-title`)}
        />
        {props.beside && <span className="absolute right-1.5">{props.beside}</span>}
      </div>
      <Problem id={`${id}-title`} text={problems.title} />
      {detailed && (
        <>
          <Textarea
            name="description"
            aria-label="Description"
            placeholder="Description (optional)"
            value={content.description}
            onChange={({ target }) => onContent({ description: target.value })}
            {...invalid(problems.description, `${id}-description`)}
          />
          <Problem id={`${id}-description`} text={problems.description} />
        </>
      )}
    </div>
  );
}

function invalid(problem: string | undefined, id: string) {
  return problem ? { "aria-invalid": true, "aria-describedby": id } : {};
}

function Problem({ id, text }: { id: string; text: string | undefined }) {
  return (
    <p id={id} role="alert" className="text-sm text-danger empty:hidden">
      {text}
    </p>
  );
}

/** In a description Enter is a new line; with Ctrl or ⌘ it saves. */
export function submitOnEnter(event: KeyboardEvent<HTMLFormElement>): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
}
