"use client";

import { useQueryClient } from "@tanstack/react-query";
import { usePathname, useRouter } from "next/navigation";
import { type ReactNode, useEffect, useSyncExternalStore } from "react";
import { authClient, taskward } from "@/lib/clients";
import { Alert } from "./ui/alert";
import { Button } from "./ui/button";

const RETRY_SECONDS = 3;
const NEVER_CHANGES = () => () => {};

/** Shows its children to whoever is signed in; everybody else is led to sign in. */
export function SignedIn({
  children,
  fallback,
}: {
  children: (userId: string) => ReactNode;
  fallback: ReactNode;
}) {
  const { data, isPending, isRefetching, error, refetch } = authClient.useSession();
  // While nobody knows yet, or the server is away: the user whose token is here.
  const remembered = useSyncExternalStore(
    NEVER_CHANGES,
    () => taskward.token.userId(),
    () => null,
  );
  const unsure = isPending || isRefetching || error !== null;
  const userId = data?.user.id ?? (unsure ? remembered : null);
  useLeave(!unsure && data === null);
  useEffect(() => {
    if (error === null) return;
    const timer = setInterval(() => void refetch(), RETRY_SECONDS * 1000);
    return () => clearInterval(timer);
  }, [error, refetch]);
  if (userId !== null) return children(userId);
  return error === null ? fallback : <Unreachable onRetry={() => void refetch()} />;
}

function useLeave(gone: boolean): void {
  const queries = useQueryClient();
  const router = useRouter();
  const here = usePathname();
  useEffect(() => {
    if (!gone) return;
    taskward.token.clear();
    queries.clear();
    router.replace(here === "/tasks" ? "/sign-in" : `/sign-in?next=${here}`);
  }, [gone, here, queries, router]);
}

function Unreachable({ onRetry }: { onRetry: () => void }) {
  return (
    <Alert role="alert" variant="destructive">
      The server cannot be reached. Trying again…
      <Button variant="outline" size="sm" onClick={onRetry}>
        Try now
      </Button>
    </Alert>
  );
}
