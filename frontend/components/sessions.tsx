"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { authClient, failureOf } from "@/lib/clients";
import { showToast } from "@/lib/toasts";
import { nameOfAgent } from "@/lib/user-agent";
import { Alert } from "./ui/alert";
import { Button } from "./ui/button";
import { Card, CardDescription, CardTitle } from "./ui/card";
import { Skeleton } from "./ui/skeleton";

type Session = typeof authClient.$Infer.Session.session;

export function Sessions({ current }: { current: Session }) {
  const { data, error, refetch } = useSessions(current);
  const revoke = useRevoke();
  const others = data?.filter(({ id }) => id !== current.id) ?? [];
  return (
    <Card aria-labelledby="sessions">
      <div>
        <CardTitle id="sessions">Sessions</CardTitle>
        <CardDescription>Where you are signed in.</CardDescription>
      </div>
      {error && (
        <Alert role="alert" variant="destructive">
          {error.message}
          <Button variant="outline" size="sm" onClick={() => void refetch()}>
            Try again
          </Button>
        </Alert>
      )}
      {!data && !error && <Skeleton className="h-14" />}
      <ul className="flex flex-col divide-y">
        {data?.map((session) => (
          <Row key={session.id} session={session} isCurrent={session.id === current.id} onRevoke={revoke} />
        ))}
      </ul>
      {others.length > 1 && (
        <Button variant="outline" className="self-start" onClick={() => revoke(null)}>
          Sign out everywhere else
        </Button>
      )}
    </Card>
  );
}

interface RowProps {
  session: Session;
  isCurrent: boolean;
  onRevoke: (token: string) => void;
}

function Row({ session, isCurrent, onRevoke }: RowProps) {
  const name = nameOfAgent(session.userAgent);
  return (
    <li className="flex items-center gap-3 py-3 first:pt-0 last:pb-0">
      <div className="min-w-0 flex-1">
        <p className="font-medium">
          {name}
          {isCurrent && (
            <span className="ml-2 rounded-full bg-secondary px-2 py-0.5 text-xs text-secondary-foreground">
              this one
            </span>
          )}
        </p>
        <p className="text-sm wrap-anywhere text-muted-foreground">
          {session.ipAddress ? `${session.ipAddress}, ` : ""}since {WHEN.format(new Date(session.createdAt))}
        </p>
      </div>
      {!isCurrent && (
        <Button
          variant="outline"
          size="sm"
          aria-label={`Sign out ${name}`}
          onClick={() => onRevoke(session.token)}
        >
          Sign out
        </Button>
      )}
    </li>
  );
}

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function useSessions(current: Session) {
  return useQuery({
    queryKey: ["sessions", current.userId, current.id],
    queryFn: async () => {
      const { data, error } = await authClient.listSessions();
      if (error) throw new Error(failureOf(error));
      return data.toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt)) as Session[];
    },
  });
}

/** Returns a function that ends the session with this token, or, with null, all others. */
function useRevoke(): (token: string | null) => void {
  const queries = useQueryClient();
  const { mutate } = useMutation({
    mutationFn: async (token: string | null) => {
      const { error } = await (token === null
        ? authClient.revokeOtherSessions()
        : authClient.revokeSession({ token }));
      if (error) throw new Error(failureOf(error));
    },
    onSuccess: (_, token) =>
      showToast({ message: token === null ? "Signed out everywhere else." : "Signed out there." }),
    onError: ({ message }) => showToast({ tone: "error", message }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return mutate;
}
