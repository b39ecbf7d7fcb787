"use client";

import { X } from "lucide-react";
import { useEffect } from "react";
import { dismissToast, holdToasts, runToastAction, type Toast, useMessages } from "@/lib/toasts";
import { undoLast } from "@/lib/undo";
import { Button } from "./ui/button";

export function Toaster() {
  const { toasts, announced } = useMessages();
  useUndoKey();
  return (
    <section
      aria-label="Messages"
      className="pointer-events-none fixed inset-x-0 bottom-0 z-50 flex flex-col items-center gap-2 p-4 print:hidden"
      onMouseEnter={() => holdToasts(true)}
      onMouseLeave={() => holdToasts(false)}
      onFocus={() => holdToasts(true)}
      onBlur={() => holdToasts(false)}
    >
      <p role="status" className="sr-only" data-announced>
        {announced}
      </p>
      <div role="status" className="contents">
        {toasts.map((toast) => (
          <Message key={toast.id} toast={toast} />
        ))}
      </div>
    </section>
  );
}

function Message({ toast }: { toast: Toast }) {
  const { id, message, tone, action } = toast;
  return (
    <div
      className={`pointer-events-auto flex w-full max-w-md animate-[rise_160ms_ease-out] items-center gap-1 rounded-xl py-1.5 pr-1.5 pl-4 text-[0.9375rem] shadow-lg ${
        tone === "error" ? "border border-danger bg-danger-wash text-danger" : "bg-ink text-paper"
      }`}
    >
      <p dir="auto" className="line-clamp-3 min-w-0 flex-1 py-1 wrap-anywhere">
        {message}
      </p>
      {action && (
        <button
          type="button"
          className="h-9 rounded-md px-3 font-semibold underline decoration-1 underline-offset-4 hover:decoration-2 pointer-coarse:h-11"
          onClick={() => runToastAction(toast)}
        >
          {action.label}
        </button>
      )}
      <Button
        variant="ghost"
        size="icon"
        className="text-current! hover:bg-current/15!"
        aria-label="Dismiss"
        onClick={() => dismissToast(id)}
      >
        <X />
      </Button>
    </div>
  );
}

/** Ctrl+Z, or ⌘Z, undoes what was done last; in a field it undoes typing, as ever. */
function useUndoKey(): void {
  useEffect(() => {
    const undo = (event: KeyboardEvent) => {
      const inField = (event.target as Element).matches("input:not([type=checkbox]), textarea");
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || inField) return;
      if (undoLast()) event.preventDefault();
    };
    window.addEventListener("keydown", undo);
    return () => window.removeEventListener("keydown", undo);
  }, []);
}
