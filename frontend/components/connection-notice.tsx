"use client";

import { useSyncExternalStore } from "react";
import type { Snapshot } from "@/lib/snapshot";
import { kept as keptStorage } from "@/lib/storage";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";

interface ConnectionNoticeProps {
  snapshot: Snapshot;
  onTryNow: () => void;
}

/** What stands between this page and the server, if anything, and what that means for what is written. */
export function ConnectionNotice({
  snapshot: { error, waiting, isFleeting },
  onTryNow,
}: ConnectionNoticeProps) {
  const isOnline = useSyncExternalStore(
    subscribe,
    () => navigator.onLine,
    () => true,
  );
  const problem = error ?? (waiting > 0 ? UNSENT : null);
  return (
    <div role="status" className="flex flex-col gap-3 empty:hidden print:hidden">
      {isFleeting && keptStorage && (
        <Notice tone="danger">
          This browser has no room left. Keep this page open until everything is saved.
        </Notice>
      )}
      {!keptStorage && (
        <Notice tone="danger">
          This browser keeps nothing for this page: it is private, or storage is blocked. Keep the page open
          until what you write is saved.
        </Notice>
      )}
      {problem && (
        <Notice tone="marker">
          <span>
            {isOnline ? problem.detail.replace(/[.!?]?$/, ".") : "You are offline."} {keptHere(waiting)} sent{" "}
            {isOnline ? "as soon as it answers." : "when you are back."}
          </span>
          <Button variant="outline" size="small" className="text-ink" onClick={onTryNow}>
            Try now
          </Button>
        </Notice>
      )}
    </div>
  );
}

const UNSENT = { detail: "The server does not answer" };

function keptHere(waiting: number): string {
  const where = keptStorage ? "kept here" : "kept while this page is open";
  if (waiting === 0) return `What you write is ${where}, and`;
  return waiting === 1 ? `One change is ${where}, and` : `${waiting} changes are ${where}, and`;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}
