"use client";

import { type ComponentProps, useEffect, useRef } from "react";
import { cn } from "@/lib/utils";

/** A modal dialog: the browser's own, which keeps the focus inside and closes on Escape. */
export function Dialog({ className, ...props }: ComponentProps<"dialog"> & { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className={cn(
        "m-auto w-[calc(100%-2rem)] max-w-md rounded-xl border bg-card p-6 text-card-foreground shadow-xl",
        className,
      )}
      {...props}
    />
  );
}
