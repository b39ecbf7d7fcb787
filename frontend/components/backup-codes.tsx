"use client";

import { useEffect, useRef } from "react";
import { showToast } from "@/lib/toasts";
import { Button } from "./ui/button";

/** Shown once: the server could not show them again. */
export function BackupCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="flex flex-col gap-4">
      <div>
        <h3 ref={heading} tabIndex={-1} className="font-semibold outline-none">
          Your backup codes
        </h3>
        <p className="mt-1 text-[0.9375rem] text-faded">
          If you lose the app, each lets you in once. Keep them in a safe place: they are not shown again.
        </p>
      </div>
      <ul
        aria-label="Backup codes"
        className="grid grid-cols-[repeat(auto-fill,minmax(8.5rem,1fr))] gap-x-4 gap-y-1 rounded-lg border bg-sheet p-4"
      >
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        <Button variant="outline" onClick={() => void copy(codes)}>
          Copy
        </Button>
        <Button variant="outline" onClick={() => save(codes)}>
          Download
        </Button>
        <Button onClick={onKept}>I have kept them</Button>
      </div>
    </div>
  );
}

async function copy(codes: string[]): Promise<void> {
  try {
    await navigator.clipboard.writeText(codes.join("\n"));
    showToast({ message: "The backup codes are copied." });
  } catch {
    showToast({
      tone: "error",
      message: "This browser copies nothing here. Select the codes, or download them.",
    });
  }
}

function save(codes: string[]): void {
  const text = `Backup codes for ${window.location.host}, each good for one sign-in:\n\n${codes.join("\n")}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = "taskward-backup-codes.txt";
  link.click();
  URL.revokeObjectURL(link.href);
}
