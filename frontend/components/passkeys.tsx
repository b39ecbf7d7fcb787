"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { failureOf } from "@/lib/clients";
import { required, useForm, WHOLE } from "@/lib/forms";
import { add, hasPasskeys, remove, rename } from "@/lib/passkeys";
import { get, type Passkey } from "@/lib/plugins";
import { showToast } from "@/lib/toasts";
import { nameOfAgent } from "@/lib/user-agent";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { Notice } from "./ui/notice";
import { Section } from "./ui/section";
import { Skeleton } from "./ui/skeleton";

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Ways in without a password: made, named and removed here. */
export default function Passkeys() {
  const { passkeys, problem, look } = usePasskeys();
  return (
    <Section
      id="passkeys"
      title="Passkeys"
      description="Sign in with the fingerprint, face or lock of your device, without the password."
    >
      {problem && (
        <Notice role="alert" tone="danger">
          {problem}
          <Button variant="danger-outline" size="small" onClick={() => void look()}>
            Try again
          </Button>
        </Notice>
      )}
      {!passkeys && !problem && <Skeleton className="h-14" />}
      {passkeys && passkeys.length > 0 && (
        <ul className="flex flex-col divide-y">
          {passkeys.map((passkey) => (
            <Row key={passkey.id} passkey={passkey} look={look} />
          ))}
        </ul>
      )}
      {hasPasskeys() ? (
        <NewPasskey onAdded={look} />
      ) : (
        <p className="text-faded">This browser has no passkeys for this address.</p>
      )}
    </Section>
  );
}

type Look = () => Promise<void>;

function nameOf({ name }: Passkey): string {
  return name || "Passkey";
}

function Row({ passkey, look }: { passkey: Passkey; look: Look }) {
  const [act, setAct] = useState<"rename" | "remove" | null>(null);
  const first = useRef<HTMLButtonElement>(null);
  const wasRenaming = useRef(false);
  useEffect(() => {
    if (wasRenaming.current && act === null) first.current?.focus();
    wasRenaming.current = act === "rename";
  }, [act]);
  const close = () => setAct(null);
  if (act === "rename")
    return (
      <li className="py-3 first:pt-0">
        <NewName passkey={passkey} look={look} onClose={close} />
      </li>
    );
  const name = nameOf(passkey);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 py-3 first:pt-0 last:pb-0">
      <div className="min-w-40 flex-1">
        <p className="font-medium wrap-anywhere" dir="auto">
          {name}
        </p>
        {passkey.createdAt && (
          <p className="text-sm text-faded">Added {WHEN.format(new Date(passkey.createdAt))}</p>
        )}
      </div>
      <div className="flex gap-2">
        <Button
          ref={first}
          variant="outline"
          size="small"
          aria-label={`Rename ${name}`}
          onClick={() => setAct("rename")}
        >
          Rename
        </Button>
        <Button variant="outline" size="small" aria-label={`Remove ${name}`} onClick={() => setAct("remove")}>
          Remove
        </Button>
      </div>
      {act === "remove" && <Removal passkey={passkey} look={look} onClose={close} />}
    </li>
  );
}

interface ActProps {
  passkey: Passkey;
  look: Look;
  onClose: () => void;
}

function NewName({ passkey, look, onClose }: ActProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const { problems, busy, form } = useForm(async (values) => {
    const found = required(values, { name: "Enter a name." });
    if (found.name) return found;
    const problem = await rename(passkey.id, (values.name ?? "").trim());
    if (problem) return { [WHOLE]: problem };
    await look();
    onClose();
    return null;
  });
  return (
    <form {...form} className="flex flex-col gap-4">
      <FormProblem problems={problems} />
      <Field
        label="New name"
        name="name"
        ref={field}
        maxLength={NAME_MAX}
        defaultValue={nameOf(passkey)}
        problem={problems.name}
      />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" disabled={busy}>
          {busy ? "Saving…" : "Save"}
        </Button>
        <Button variant="outline" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

function Removal({ passkey, look, onClose }: ActProps) {
  const { problems, busy, form } = useForm(async () => {
    const problem = await remove(passkey.id);
    if (problem) return { [WHOLE]: problem };
    onClose();
    showToast({ message: `Removed ${nameOf(passkey)}.` });
    await look();
    document.getElementById(ADD)?.focus();
    return null;
  });
  return (
    <Dialog aria-labelledby="removal-title" aria-describedby="removal-text" onClose={onClose}>
      <form {...form}>
        <h3 id="removal-title" className="text-lg font-semibold wrap-anywhere">
          Remove <span dir="auto">{nameOf(passkey)}</span>?
        </h3>
        <p id="removal-text" className="mt-1 mb-4 text-sm text-faded">
          It opens this account no more. Your device may still offer it: remove it there too.
        </p>
        <FormProblem problems={problems} />
        <div className="mt-4 flex justify-end gap-2">
          <Button variant="outline" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="danger" disabled={busy}>
            {busy ? "Removing…" : "Remove"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const ADD = "add-passkey";
const NAME_MAX = 100;

function NewPasskey({ onAdded }: { onAdded: Look }) {
  const { problems, busy, form } = useForm(async (values) => {
    const problem = await add((values.name ?? "").trim() || nameOfAgent(navigator.userAgent));
    if (problem) return { [WHOLE]: problem };
    showToast({ message: "The passkey is added." });
    await onAdded();
    return null;
  });
  return (
    <form {...form} className="flex flex-col gap-4">
      <Field
        label="Name of a new passkey"
        name="name"
        autoComplete="off"
        maxLength={NAME_MAX}
        defaultValue={nameOfAgent(navigator.userAgent)}
        hint="So that you know later which one it is."
      />
      <FormProblem problems={problems} />
      <Button type="submit" id={ADD} variant="outline" className="self-start" disabled={busy}>
        {busy ? "Waiting for the passkey…" : "Add a passkey"}
      </Button>
    </form>
  );
}

function usePasskeys() {
  const [passkeys, setPasskeys] = useState<Passkey[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const look = useCallback(async () => {
    const { data, error } = await get("/api/auth/passkey/list-user-passkeys");
    setProblem(error && failureOf(error));
    if (data) setPasskeys(data);
  }, []);
  useEffect(() => void look(), [look]);
  return { passkeys, problem, look };
}
