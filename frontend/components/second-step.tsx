"use client";

import { useEffect, useRef, useState } from "react";
import { required, useForm } from "@/lib/forms";
import { useSignedQuery } from "@/lib/oauth";
import { digitsOf, digitsProblem, type Kind, verify } from "@/lib/second-factor";
import { AuthCard, FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Checkbox } from "./ui/checkbox";

interface SecondStepProps {
  email: string;
  /** Back to the password, with the reason if there is one. */
  onOver: (reason: string) => void;
}

const WORDS = {
  totp: {
    description: "Your authenticator app shows a code for",
    other: "Use a backup code instead",
  },
  "backup-code": {
    description: "Each backup code is good for one sign-in, as",
    other: "Use the authenticator app instead",
  },
};

/** What is asked for after the password. */
export default function SecondStep({ email, onOver }: SecondStepProps) {
  const [kind, setKind] = useState<Kind>("totp");
  const { description, other } = WORDS[kind];
  return (
    <AuthCard title="One more step" description={`${description} ${email}.`}>
      <CodeForm key={kind} kind={kind} onOver={onOver} />
      <div className="flex flex-col items-start gap-3 border-t pt-5">
        <Button variant="link" size="text" onClick={() => setKind(kind === "totp" ? "backup-code" : "totp")}>
          {other}
        </Button>
        <Button variant="link" size="text" onClick={() => onOver("")}>
          Back to the password
        </Button>
      </div>
    </AuthCard>
  );
}

function CodeForm({ kind, onOver }: { kind: Kind; onOver: SecondStepProps["onOver"] }) {
  const query = useSignedQuery();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { problems, busy, form } = useForm(async (values) => {
    const code = digitsOf(values.code ?? "");
    const found = kind === "totp" ? digitsProblem(code) : missing(values);
    if (found) return found;
    const verdict = await verify(kind, code, values.trust === "on", query);
    if (verdict.over) onOver(verdict.over);
    return verdict.problems;
  });
  const words = kind === "totp" ? DIGITS : BACKUP_CODE;
  return (
    <form {...form} className="flex flex-col gap-4">
      <FormProblem problems={problems} />
      <Field name="code" ref={field} problem={problems.code} {...words} />
      <div className="flex items-center gap-3">
        <Checkbox id="trust" name="trust" />
        <label htmlFor="trust" className="text-[0.9375rem] pointer-coarse:py-2.5">
          Ask for no code on this device for 30 days
        </label>
      </div>
      <Button type="submit" size="large" disabled={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </Button>
    </form>
  );
}

function missing(values: Record<string, string>) {
  const found = required(values, { code: "Enter one of your backup codes." });
  return found.code ? found : null;
}

const DIGITS = {
  label: "Code",
  autoComplete: "one-time-code",
  inputMode: "numeric",
  hint: "Six digits.",
} as const;
const BACKUP_CODE = {
  label: "Backup code",
  autoComplete: "off",
  autoCapitalize: "off",
  spellCheck: false,
  hint: "As you have kept it, with the dash.",
} as const;
