"use client";

import { usePathname, useRouter } from "next/navigation";
import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { taskward } from "@/lib/clients";
import { forgetPerson, hasWishedToLeave } from "@/lib/leaving";
import { lookAtSession, useSession } from "@/lib/session";
import { storeOf } from "@/lib/stores";
import type { TaskStore } from "@/lib/task-store";
import { useRunning } from "@/lib/use-store";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";

const NEVER_CHANGES = () => () => {};

interface SignedInProps {
  children: (store: TaskStore) => ReactNode;
  fallback: ReactNode;
}

/** Shows its children to whoever is signed in; everybody else is led to sign in. */
export function SignedIn({ children, fallback }: SignedInProps) {
  const { data, isAsking, error } = useSession();
  // While nobody knows yet, or the server is away: the user whose token is here.
  const remembered = useSyncExternalStore(
    NEVER_CHANGES,
    () => taskward.token.userId(),
    () => null,
  );
  const unsure = data === undefined || isAsking || error !== null;
  const userId = data?.user.id ?? (unsure ? remembered : null);
  const [wasHere, setWasHere] = useState(false);
  if (userId !== null && !wasHere) setWasHere(true);
  useLeave(!unsure && data === null, wasHere);
  if (userId !== null) return <Running key={userId} store={storeOf(userId)} render={children} />;
  return error === null ? fallback : <Unreachable onRetry={() => void lookAtSession()} />;
}

function Running({ store, render }: { store: TaskStore; render: (store: TaskStore) => ReactNode }) {
  useRunning(store);
  return render(store);
}

function useLeave(gone: boolean, wasHere: boolean): void {
  const router = useRouter();
  const here = usePathname();
  useEffect(() => {
    if (!gone) return;
    const wasSignedIn = wasHere || taskward.token.get() !== null;
    const ended = wasSignedIn && !hasWishedToLeave() ? ["ended=1"] : [];
    const query = [...(here === "/tasks" ? [] : [`next=${here}`]), ...ended].join("&");
    void forgetPerson();
    router.replace(query ? `/sign-in?${query}` : "/sign-in");
  }, [gone, wasHere, here, router]);
}

function Unreachable({ onRetry }: { onRetry: () => void }) {
  return (
    <Notice role="alert" tone="danger">
      The server cannot be reached. Trying again…
      <Button variant="danger-outline" size="small" onClick={onRetry}>
        Try now
      </Button>
    </Notice>
  );
}
