"use client";

import { useCallback, useEffect, useState } from "react";
import { authClient } from "@/lib/auth-client";
import { failureOf, outcomeOf } from "@/lib/clients";
import type { SignedInUser } from "@/lib/session";
import { showToast } from "@/lib/toasts";
import { nameOfAgent } from "@/lib/user-agent";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";
import { Section } from "./ui/section";
import { Skeleton } from "./ui/skeleton";

type Session = typeof authClient.$Infer.Session.session;
const CHANGED = "taskward:sessions";

/** Have the list of sessions asked for again. */
export function sessionsChanged(): void {
  window.dispatchEvent(new Event(CHANGED));
}

export function Sessions({ current }: { current: SignedInUser["session"] }) {
  const { sessions, problem, look } = useSessions(current);
  const others = sessions?.filter(({ id }) => id !== current.id) ?? [];
  return (
    <Section id="sessions" title="Sessions" description="Where you are signed in.">
      {problem && (
        <Notice role="alert" tone="danger">
          {problem}
          <Button variant="danger-outline" size="small" onClick={look}>
            Try again
          </Button>
        </Notice>
      )}
      {!sessions && !problem && <Skeleton className="h-14" />}
      <ul className="flex flex-col divide-y">
        {sessions?.map((session) => (
          <Row key={session.id} session={session} isCurrent={session.id === current.id} />
        ))}
      </ul>
      {others.length > 1 && (
        <Button variant="outline" className="self-start" onClick={() => void revoke(null)}>
          Sign out everywhere else
        </Button>
      )}
    </Section>
  );
}

function Row({ session, isCurrent }: { session: Session; isCurrent: boolean }) {
  const name = nameOfAgent(session.userAgent);
  return (
    <li className="flex items-center gap-3 py-3 first:pt-0 last:pb-0">
      <div className="min-w-0 flex-1">
        <p className="font-medium">
          {name}
          {isCurrent && (
            <span className="ml-2 rounded-full bg-wash px-2 py-0.5 text-xs text-pen">this one</span>
          )}
        </p>
        <p className="text-sm wrap-anywhere text-faded">
          {session.ipAddress ? `${session.ipAddress}, ` : ""}since {WHEN.format(new Date(session.createdAt))}
        </p>
      </div>
      {!isCurrent && (
        <Button
          variant="outline"
          size="small"
          aria-label={`Sign out ${name}`}
          onClick={() => void revoke(session.token)}
        >
          Sign out
        </Button>
      )}
    </li>
  );
}

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function useSessions({ id }: { id: string }) {
  const [sessions, setSessions] = useState<Session[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const look = useCallback(async () => {
    const { data, error } = await outcomeOf(authClient.listSessions());
    setProblem(error && failureOf(error));
    if (data) setSessions(data.toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt)) as Session[]);
  }, []);
  useEffect(() => {
    // A new session of one's own, after a change of the password, is a new list.
    if (id) void look();
    const again = () => void look();
    window.addEventListener(CHANGED, again);
    return () => window.removeEventListener(CHANGED, again);
  }, [id, look]);
  return { sessions, problem, look: () => void look() };
}

/** End the session with this token, or, with null, all others. */
async function revoke(token: string | null): Promise<void> {
  const { error } = await outcomeOf(
    token === null ? authClient.revokeOtherSessions() : authClient.revokeSession({ token }),
  );
  if (error) showToast({ tone: "error", message: failureOf(error) });
  else showToast({ message: token === null ? "Signed out everywhere else." : "Signed out there." });
  sessionsChanged();
}
