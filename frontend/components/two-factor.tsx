"use client";

import { useEffect, useRef, useState } from "react";
import { failureOf, taskward } from "@/lib/clients";
import { type Problems, required, useForm, WHOLE } from "@/lib/forms";
import { post } from "@/lib/plugins";
import { lookAtSession } from "@/lib/session";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { BackupCodes } from "./backup-codes";
import { Field } from "./field";
import { PairApp } from "./pair-app";
import { sessionsChanged } from "./sessions";
import { Button } from "./ui/button";
import { Section } from "./ui/section";

type Purpose = "enable" | "disable" | "generate-backup-codes";

/** Where somebody is on the way; `back` says that they have just been somewhere, with the keyboard perhaps. */
type Stage =
  | { at: "rest"; back: boolean }
  | { at: "password"; purpose: Purpose }
  | { at: "app"; uri: string; codes: string[] }
  | { at: "codes"; codes: string[] };

const BACK: Stage = { at: "rest", back: true };

/** A code of an authenticator app after the password: turned on and off here, with backup codes. */
export default function TwoFactor({ isOn }: { isOn: boolean }) {
  const [stage, setStage] = useState<Stage>({ at: "rest", back: false });
  const Rest = isOn ? On : Off;
  return (
    <Section
      id="two-factor"
      title="Two-step sign-in"
      description="A code of an authenticator app after the password."
    >
      {stage.at === "rest" && (
        <Rest isBack={stage.back} onChoose={(purpose) => setStage({ at: "password", purpose })} />
      )}
      {stage.at === "password" && (
        <PasswordFirst
          key={stage.purpose}
          purpose={stage.purpose}
          onDone={setStage}
          onCancel={() => setStage(BACK)}
        />
      )}
      {stage.at === "app" && (
        <PairApp
          uri={stage.uri}
          onPaired={async () => {
            await anotherSession();
            setStage({ at: "codes", codes: stage.codes });
          }}
          onCancel={() => setStage(BACK)}
        />
      )}
      {stage.at === "codes" && <BackupCodes codes={stage.codes} onKept={() => setStage(BACK)} />}
    </Section>
  );
}

interface RestProps {
  isBack: boolean;
  onChoose: (purpose: Purpose) => void;
}

function Off({ isBack, onChoose }: RestProps) {
  const first = useFocusOnReturn(isBack);
  return (
    <Button ref={first} variant="outline" className="self-start" onClick={() => onChoose("enable")}>
      Turn on…
    </Button>
  );
}

function On({ isBack, onChoose }: RestProps) {
  const first = useFocusOnReturn(isBack);
  return (
    <>
      <p>It is on.</p>
      <div className="flex flex-wrap gap-2">
        <Button ref={first} variant="outline" onClick={() => onChoose("generate-backup-codes")}>
          New backup codes…
        </Button>
        <Button variant="danger-outline" onClick={() => onChoose("disable")}>
          Turn off…
        </Button>
      </div>
    </>
  );
}

/** For whoever comes back from a form: its button is gone, and the focus with it. */
function useFocusOnReturn(isBack: boolean) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isBack && document.activeElement === document.body) button.current?.focus();
  }, [isBack]);
  return button;
}

const SUBMIT: Record<Purpose, string> = {
  enable: "Go on",
  disable: "Turn off",
  "generate-backup-codes": "Show new codes",
};
const REASONS: Record<Purpose, string> = {
  enable: "You need an app that shows such codes, on your phone for example.",
  disable: "Then the password is enough to sign in.",
  "generate-backup-codes": "Those that you have now are good for nothing then.",
};

interface PasswordFirstProps {
  purpose: Purpose;
  onDone: (stage: Stage) => void;
  onCancel: () => void;
}

function PasswordFirst({ purpose, onDone, onCancel }: PasswordFirstProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { problems, busy, form } = useForm(async (values) => {
    const found = required(values, { password: "Enter your password." });
    if (found.password) return found;
    const { next, problems } = await CARRY_OUT[purpose](values.password ?? "");
    if (next) onDone(next);
    return problems ?? null;
  });
  return (
    <form {...form} className="flex flex-col gap-4">
      <p>{REASONS[purpose]}</p>
      <FormProblem problems={problems} />
      <Field
        label="Your password"
        name="password"
        type="password"
        autoComplete="current-password"
        ref={field}
        problem={problems.password}
      />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" variant={purpose === "disable" ? "danger" : "default"} disabled={busy}>
          {busy ? "One moment…" : SUBMIT[purpose]}
        </Button>
        <Button variant="outline" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** Where it leads to carry something out, or what is wrong. */
interface Outcome {
  next?: Stage;
  problems?: Problems;
}

const CARRY_OUT: Record<Purpose, (password: string) => Promise<Outcome>> = {
  async enable(password) {
    const { data, error } = await post("/api/auth/two-factor/enable", { password, issuer: "Taskward" });
    if (!data?.totpURI) return { problems: problemsOf(error) };
    return { next: { at: "app", uri: data.totpURI, codes: data.backupCodes ?? [] } };
  },
  async disable(password) {
    const { data, error } = await post("/api/auth/two-factor/disable", { password });
    if (!data) return { problems: problemsOf(error) };
    await anotherSession();
    showToast({ message: "Two-step sign-in is off." });
    return { next: BACK };
  },
  async "generate-backup-codes"(password) {
    const { data, error } = await post("/api/auth/two-factor/generate-backup-codes", { password });
    return data ? { next: { at: "codes", codes: data.backupCodes } } : { problems: problemsOf(error) };
  },
};

const ELSEWHERE = ["TOTP_ALREADY_ENABLED", "TWO_FACTOR_NOT_ENABLED"];

function problemsOf(error: Parameters<typeof failureOf>[0] | null): Problems {
  const { code = "" } = error ?? {};
  if (code === "INVALID_PASSWORD") return { password: "This is not your password." };
  if (!ELSEWHERE.includes(code)) return { [WHOLE]: failureOf(error ?? { status: 0 }) };
  void lookAtSession();
  return { [WHOLE]: "This was changed elsewhere. Cancel, and look again." };
}

/** The session is another one now: what was made from the old one is fetched anew. */
async function anotherSession(): Promise<void> {
  taskward.token.clear();
  sessionsChanged();
  await lookAtSession();
}
