"use client";

import { useEffect, useRef } from "react";
import { encode } from "uqr";
import { useForm } from "@/lib/forms";
import { post } from "@/lib/plugins";
import { codeProblems, digitsOf, digitsProblem } from "@/lib/second-factor";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";

interface PairAppProps {
  uri: string;
  onPaired: () => Promise<void>;
  onCancel: () => void;
}

/** The secret as a picture, a link and a text, and the first code, which shows that the app has it. */
export function PairApp({ uri, onPaired, onCancel }: PairAppProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { problems, busy, form } = useForm(async (values) => {
    const code = digitsOf(values.code ?? "");
    const found = digitsProblem(code);
    if (found) return found;
    const { data, error } = await post("/api/auth/two-factor/verify-totp", { code });
    if (!data) return codeProblems(error);
    await onPaired();
    return null;
  });
  return (
    <form {...form} className="flex flex-col gap-4">
      <p>Scan this with the app, then enter the code that it shows.</p>
      <Picture text={uri} />
      <p className="text-[0.9375rem] text-faded">
        Or{" "}
        <a
          href={uri}
          className="rounded-sm text-pen underline decoration-pen/40 underline-offset-4 hover:decoration-pen"
        >
          open the app on this device
        </a>
        , or type this into it:{" "}
        <code className="rounded bg-hover px-1.5 py-0.5 text-sm wrap-anywhere text-ink">{secretIn(uri)}</code>
      </p>
      <FormProblem problems={problems} />
      <Field
        label="Code"
        name="code"
        ref={field}
        autoComplete="one-time-code"
        inputMode="numeric"
        hint="Six digits."
        problem={problems.code}
      />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" disabled={busy}>
          {busy ? "Turning on…" : "Turn on"}
        </Button>
        <Button variant="outline" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** Drawn here: the secret goes nowhere. Black on white in the dark as well, for the cameras' sake. */
function Picture({ text }: { text: string }) {
  const { data, size } = encode(text, { ecc: "M", border: 3 });
  const squares = data.flatMap((row, y) => row.map((isBlack, x) => (isBlack ? `M${x} ${y}h1v1h-1z` : "")));
  return (
    <svg
      role="img"
      aria-label="QR code for the authenticator app"
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className="size-52 max-w-full rounded-lg border bg-white"
    >
      <path d={squares.join("")} fill="black" />
    </svg>
  );
}

/** In groups of four, as it is read. */
function secretIn(uri: string): string {
  const secret = new URL(uri).searchParams.get("secret") ?? "";
  return secret.replace(/(.{4})(?=.)/g, "$1 ");
}
