"use client";

import { lazy, type ReactNode, Suspense, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { authClient, carriedOn, entered } from "@/lib/auth-client";
import { failureOf, outcomeOf } from "@/lib/clients";
import { emailProblem, orNull, required, useForm, WHOLE } from "@/lib/forms";
import { useSignedQuery } from "@/lib/oauth";
import { useOffers } from "@/lib/offers";
import { AuthCard, FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";

const SecondStep = lazy(() => import("./second-step"));
const PasskeySignIn = lazy(() => import("./passkey-sign-in").catch(() => ({ default: Nothing })));

/** Whose password was right, as long as a second step is wanted of them; then, perhaps, why it must be given again. */
interface Stage {
  email: string;
  isSecond?: boolean;
  over?: string;
}

export function SignInForm() {
  const [stage, setStage] = useState<Stage>({ email: "" });
  if (!stage.isSecond) return <FirstStep stage={stage} onRight={setStage} />;
  return (
    <Suspense>
      <SecondStep email={stage.email} onOver={(over) => setStage({ email: stage.email, over })} />
    </Suspense>
  );
}

function FirstStep({ stage, onRight }: { stage: Stage; onRight: (stage: Stage) => void }) {
  const query = useSignedQuery();
  const offersPasskeys = useOffers().includes("passkey");
  const password = useRef<HTMLInputElement>(null);
  const isBack = stage.over !== undefined;
  useEffect(() => {
    if (isBack) password.current?.focus();
  }, [isBack]);
  const { problems, busy, form } = useForm(async (values) => {
    const { email = "", password = "" } = values;
    const found = orNull({
      ...emailProblem(email),
      ...required(values, { password: "Enter your password." }),
    });
    if (found) return found;
    const { data, error } = await outcomeOf(
      authClient.signIn.email({ email: email.trim(), password, ...carriedOn(query) }),
    );
    if (error?.status === 401) return { [WHOLE]: "The e-mail address or the password is wrong." };
    if (error) return { [WHOLE]: failureOf(error) };
    if (!(data && "twoFactorRedirect" in data)) return entered(query);
    await import("./second-step"); // if it cannot be had, this form says so
    onRight({ email: email.trim(), isSecond: true });
    return null;
  });
  return (
    <AuthCard
      title="Sign in"
      description="Your list is where you left it."
      elsewhere={{ question: "New here?", href: "/sign-up", label: "Create an account" }}
    >
      <Ended />
      <form {...form} className="flex flex-col gap-4">
        <FormProblem problems={stage.over ? { [WHOLE]: stage.over, ...problems } : problems} />
        <Field
          label="E-mail"
          name="email"
          type="email"
          autoComplete={offersPasskeys ? "username webauthn" : "username"}
          defaultValue={stage.email}
          problem={problems.email}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          ref={password}
          problem={problems.password}
        />
        <Button type="submit" size="large" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </Button>
      </form>
      {/* Its room is kept from the first moment, by the same mark of the page: nothing moves when it comes. */}
      <div className="hidden min-h-12 in-data-[offers~=passkey]:block">
        {offersPasskeys && (
          <Suspense>
            <PasskeySignIn />
          </Suspense>
        )}
      </div>
      <Forgotten />
    </AuthCard>
  );
}

/** In the place of what could not be loaded, and can be done without. */
function Nothing(): ReactNode {
  return null;
}

const NEVER_CHANGES = () => () => {};

/** Said to those whose session ended while they were here. */
function Ended() {
  const ended = useSyncExternalStore(
    NEVER_CHANGES,
    () => new URLSearchParams(window.location.search).has("ended"),
    () => false,
  );
  return (
    <div role="status" className="empty:hidden">
      {ended && (
        <Notice tone="marker">You were signed out. What you typed is kept: sign in to go on with it.</Notice>
      )}
    </div>
  );
}

function Forgotten() {
  return (
    <details className="group text-[0.9375rem] text-faded">
      <summary className="w-fit rounded-sm text-pen underline decoration-pen/40 underline-offset-4 hover:decoration-pen pointer-coarse:py-2">
        Forgotten your password?
      </summary>
      <p className="mt-2">
        This server sends no e-mail. Ask whoever runs it: they can give you a new password with{" "}
        <code className="rounded bg-hover px-1.5 py-0.5 text-sm wrap-anywhere text-ink">
          taskward set-password EMAIL
        </code>
        . Your tasks stay as they are.
      </p>
    </details>
  );
}
