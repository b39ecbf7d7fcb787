"use client";

import { useEffect } from "react";
import {
  dismissToast,
  holdToasts,
  runNewestAction,
  runToastAction,
  type Toast,
  useToasts,
} from "@/lib/toasts";
import { UNDO } from "@/lib/use-tasks";
import { cn } from "@/lib/utils";
import { Close } from "./icons";
import { Button } from "./ui/button";

export function Toaster() {
  const toasts = useToasts();
  useUndoKey();
  return (
    <section
      aria-label="Messages"
      className="pointer-events-none fixed inset-x-0 bottom-0 z-50 flex flex-col items-center gap-2 p-4 sm:items-end"
      onMouseEnter={() => holdToasts(true)}
      onMouseLeave={() => holdToasts(false)}
      onFocus={() => holdToasts(true)}
      onBlur={() => holdToasts(false)}
    >
      <div role="status" aria-live="polite" className="contents">
        {toasts.map((toast) => (
          <Message key={toast.id} toast={toast} />
        ))}
      </div>
    </section>
  );
}

function Message({ toast: { id, message, tone, action } }: { toast: Toast }) {
  return (
    <div
      className={cn(
        "pointer-events-auto flex w-full max-w-md animate-[toast-in_150ms_ease-out] items-center gap-2 rounded-lg border bg-card py-2 pr-2 pl-4 text-sm shadow-lg",
        tone === "error" && "border-destructive",
      )}
    >
      <p className="line-clamp-3 min-w-0 flex-1 wrap-anywhere">{message}</p>
      {action && (
        <Button variant="secondary" size="sm" onClick={() => runToastAction(id)}>
          {action.label}
        </Button>
      )}
      <Button
        variant="ghost"
        size="icon"
        className="size-9"
        aria-label="Dismiss"
        onClick={() => dismissToast(id)}
      >
        <Close />
      </Button>
    </div>
  );
}

/** Ctrl+Z, or ⌘Z, takes the last deletion back; in a field it undoes typing, as ever. */
function useUndoKey(): void {
  useEffect(() => {
    const undo = (event: KeyboardEvent) => {
      const inField = (event.target as Element).matches("input:not([type=checkbox]), textarea");
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || inField) return;
      if (runNewestAction(UNDO)) event.preventDefault();
    };
    window.addEventListener("keydown", undo);
    return () => window.removeEventListener("keydown", undo);
  }, []);
}
