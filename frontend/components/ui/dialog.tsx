"use client";

import { type ComponentProps, useEffect, useRef } from "react";

/** A modal dialog: the browser's own, which keeps the focus inside and closes on Escape. */
export function Dialog(props: Omit<ComponentProps<"dialog">, "className"> & { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="m-auto w-[calc(100%-2rem)] max-w-md rounded-2xl border bg-sheet p-6 text-ink shadow-2xl"
      {...props}
    />
  );
}
