"use client";

import { type KeyboardEvent, type RefObject, useId } from "react";
import { Input, Textarea } from "./ui/input";

interface TaskFieldsProps {
  label: string;
  placeholder?: string;
  input?: RefObject<HTMLInputElement | null>;
  title?: string;
  description?: string;
  problems: { title?: string; description?: string };
  detailed: boolean;
}

export function TaskFields({
  label,
  placeholder,
  input,
  title,
  description,
  problems,
  detailed,
}: TaskFieldsProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-1 flex-col gap-2">
      <Input
        ref={input}
        name="title"
        aria-label={label}
        placeholder={placeholder}
        defaultValue={title}
        autoComplete="off"
        enterKeyHint="done"
        {...invalid(problems.title, `${id}-title`)}
      />
      <Problem id={`${id}-title`} text={problems.title} />
      {detailed && (
        <>
          <Textarea
            name="description"
            aria-label="Description"
            placeholder="Description (optional)"
            defaultValue={description}
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
    <p id={id} role="alert" className="text-sm text-destructive-text empty:hidden">
      {text}
    </p>
  );
}

/** In a description Enter is a new line; with Ctrl or ⌘ it saves. */
export function submitOnEnter(event: KeyboardEvent<HTMLFormElement>): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
}
