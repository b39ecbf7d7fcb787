"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useState } from "react";
import { failureOf } from "@/lib/clients";
import { signOut } from "@/lib/leaving";
import { decide, destinationOf, hostOf, nameOfApp, useSignedQuery, wordsFor } from "@/lib/oauth";
import { type SignedInUser, useSession } from "@/lib/session";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";
import { Skeleton } from "./ui/skeleton";

const OVER = "This request is no longer valid. Go back to the app and connect it again.";

/** Where somebody allows or denies what an app asks for. Nothing happens here by itself. */
export function ConsentPage() {
  const query = useSignedQuery();
  const { data } = useSession();
  const router = useRouter();
  const isSignedOut = data === null && query !== null;
  useEffect(() => {
    if (isSignedOut) router.replace(`/sign-in?${query}`);
  }, [isSignedOut, query, router]);
  if (query === null)
    return (
      <Card title="Connect an app">
        <Notice>Apps open this page when they want to be connected. Begin there.</Notice>
      </Card>
    );
  if (!data) return <Loading />;
  return <Question query={query} user={data.user} />;
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-md flex-col gap-6 sm:pt-6">
      <h1 className="text-3xl font-bold tracking-tight wrap-anywhere" dir="auto">
        {title}
      </h1>
      {children}
    </div>
  );
}

function Loading() {
  return (
    <div className="mx-auto max-w-md" role="status" aria-busy="true" aria-label="Loading the request">
      <Skeleton className="h-64" />
    </div>
  );
}

function Question({ query, user }: { query: string; user: SignedInUser["user"] }) {
  const asked = new URLSearchParams(query);
  const clientId = asked.get("client_id") ?? "";
  const { name, problem } = useName(clientId);
  if (problem)
    return (
      <Card title="Connect an app">
        <Notice role="alert" tone="danger">
          {problem}
        </Notice>
      </Card>
    );
  if (name === null) return <Loading />;
  return (
    <Card title={`Connect ${name}?`}>
      <p>
        <strong dir="auto">{name}</strong> <Verified clientId={clientId} /> asks to be connected to the
        account <span className="wrap-anywhere">{user.email}</span>. <OtherAccount query={query} />
      </p>
      <Wishes scopes={(asked.get("scope") ?? "").split(" ").filter(Boolean)} />
      <Destination uri={asked.get("redirect_uri") ?? ""} />
      <Decision query={query} />
    </Card>
  );
}

function Verified({ clientId }: { clientId: string }) {
  const host = hostOf(clientId);
  return (
    <span className="rounded-full bg-wash px-2 py-0.5 text-xs wrap-anywhere text-pen">
      {host ? `verified: ${host}` : "not verified"}
    </span>
  );
}

function Wishes({ scopes }: { scopes: string[] }) {
  return (
    <div>
      <p>It will be able to</p>
      <ul className="mt-2 flex list-disc flex-col gap-1 pl-6">
        {scopes.map((scope) => (
          <li key={scope}>{wordsFor(scope)}</li>
        ))}
      </ul>
      <p className="mt-3 text-[0.9375rem] text-faded">
        You can disconnect it at any time, on your account page.
      </p>
    </div>
  );
}

function Destination({ uri }: { uri: string }) {
  const { name, isHere } = destinationOf(uri);
  return (
    <Notice tone={isHere ? "marker" : "plain"}>
      <span className="min-w-0">
        The answer goes to <strong className="wrap-anywhere">{name}</strong>
        {isHere
          ? ", a program on this device. Allow it only if you have just started to connect it yourself."
          : "."}
      </span>
    </Notice>
  );
}

function OtherAccount({ query }: { query: string }) {
  const router = useRouter();
  const [problem, setProblem] = useState<string | null>(null);
  const leave = async () => {
    const failed = await signOut();
    setProblem(failed);
    if (!failed) router.replace(`/sign-in?${query}`);
  };
  return (
    <>
      <Button variant="link" size="text" onClick={() => void leave()}>
        Not you?
      </Button>
      <span role="alert">{problem}</span>
    </>
  );
}

function Decision({ query }: { query: string }) {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ problem?: string; isDone?: boolean }>({});
  const say = async (accept: boolean) => {
    if (busy) return;
    setBusy(true);
    const { data, error } = await decide(query, accept);
    setBusy(false);
    if (error || !data) {
      setOutcome({ problem: error && ![400, 401].includes(error.status) ? failureOf(error) : OVER });
      return;
    }
    setOutcome({ isDone: true });
    window.location.assign(data);
  };
  if (outcome.isDone) return <p role="status">Done: go on in the app. You can close this page.</p>;
  return (
    <>
      <div role="alert" className="empty:hidden">
        {outcome.problem && <Notice tone="danger">{outcome.problem}</Notice>}
      </div>
      <div className="grid grid-cols-2 gap-3">
        <Button variant="outline" size="large" disabled={busy} onClick={() => void say(false)}>
          Deny
        </Button>
        <Button variant="outline" size="large" disabled={busy} onClick={() => void say(true)}>
          Allow
        </Button>
      </div>
    </>
  );
}

function useName(clientId: string): { name: string | null; problem: string | null } {
  const [found, setFound] = useState<{ name: string | null; problem: string | null }>({
    name: null,
    problem: null,
  });
  useEffect(() => {
    let isCurrent = true;
    void nameOfApp(clientId).then(({ data, error }) => {
      if (!isCurrent) return;
      const isUnknown = error !== null && error.status >= 400 && error.status < 500 && error.status !== 429;
      setFound({ name: data, problem: error && (isUnknown ? OVER : failureOf(error)) });
    });
    return () => {
      isCurrent = false;
    };
  }, [clientId]);
  return found;
}
