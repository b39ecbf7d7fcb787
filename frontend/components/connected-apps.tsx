"use client";

import { useCallback, useEffect, useState } from "react";
import { failureOf } from "@/lib/clients";
import { type ConnectedApp, connectedApps, disconnect, wordsFor } from "@/lib/oauth";
import { showToast } from "@/lib/toasts";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";
import { Section } from "./ui/section";

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The apps that may use the account; nothing where the server connects none. */
export default function ConnectedApps() {
  const { apps, problem, look } = useApps();
  if (!apps && !problem) return null;
  return (
    <Section id="apps" title="Connected apps" description={<Invitation />}>
      {problem && (
        <Notice role="alert" tone="danger">
          {problem}
          <Button variant="danger-outline" size="small" onClick={look}>
            Try again
          </Button>
        </Notice>
      )}
      {apps?.length === 0 && <p className="text-faded">No app is connected.</p>}
      <ul className="flex flex-col divide-y">
        {apps?.map((app) => (
          <Row key={app.id} app={app} onGone={look} />
        ))}
      </ul>
    </Section>
  );
}

function Invitation() {
  return (
    <>
      To connect Claude, ChatGPT, Cursor or another assistant, give it this address:{" "}
      <code className="rounded bg-hover px-1.5 py-0.5 text-sm wrap-anywhere text-ink">
        {window.location.origin}/mcp
      </code>
    </>
  );
}

function Row({ app, onGone }: { app: ConnectedApp; onGone: () => void }) {
  const end = async () => {
    const problem = await disconnect(app.id);
    if (problem) showToast({ tone: "error", message: problem });
    else showToast({ message: `Disconnected ${app.name}.` });
    onGone();
  };
  return (
    <li className="flex items-center gap-3 py-3 first:pt-0 last:pb-0">
      <div className="min-w-0 flex-1">
        <p className="font-medium wrap-anywhere" dir="auto">
          {app.name}
        </p>
        <p className="text-sm wrap-anywhere text-faded">
          May {app.scopes.map(wordsFor).join(", ")}; since {WHEN.format(new Date(app.createdAt))}
        </p>
      </div>
      <Button variant="outline" size="small" aria-label={`Disconnect ${app.name}`} onClick={() => void end()}>
        Disconnect
      </Button>
    </li>
  );
}

function useApps() {
  const [apps, setApps] = useState<ConnectedApp[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const look = useCallback(async () => {
    const { data, error } = await connectedApps();
    setProblem(error && failureOf(error));
    if (data) setApps(data);
  }, []);
  useEffect(() => void look(), [look]);
  return { apps, problem, look: () => void look() };
}
