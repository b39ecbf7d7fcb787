"use client";

import { KeyRound } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useSignedQuery } from "@/lib/oauth";
import { hasPasskeys, offerWhileTyping, signIn } from "@/lib/passkeys";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";

/** A button, and the browser's own list at the field of the address, where it has one. */
export default function PasskeySignIn(): ReactNode {
  const query = useSignedQuery();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    return busy || !hasPasskeys() ? undefined : offerWhileTyping(query, setProblem);
  }, [busy, query]);
  if (!hasPasskeys())
    return <p className="text-[0.9375rem] text-faded">This browser has no passkeys for this address.</p>;
  const begin = async () => {
    setBusy(true);
    setProblem(null);
    setProblem(await signIn(query).catch(() => "Something went wrong. Try again."));
    setBusy(false);
  };
  return (
    <div className="flex flex-col gap-4">
      <Button variant="outline" size="large" disabled={busy} onClick={() => void begin()}>
        <KeyRound aria-hidden className="size-5" />
        {busy ? "Waiting for the passkey…" : "Sign in with a passkey"}
      </Button>
      <div role="alert" className="empty:hidden">
        {problem && <Notice tone="danger">{problem}</Notice>}
      </div>
    </div>
  );
}
