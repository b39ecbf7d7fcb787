"use client";

import { useState } from "react";
import { authClient } from "@/lib/auth-client";
import { failureOf, outcomeOf } from "@/lib/clients";
import { orNull, required, useForm, WHOLE } from "@/lib/forms";
import { forgetPerson } from "@/lib/leaving";
import { lookAtSession } from "@/lib/session";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { Section } from "./ui/section";

export function DeleteAccount() {
  const [asking, setAsking] = useState(false);
  return (
    <Section
      id="delete"
      title="Delete account"
      description="Your tasks and your sessions go with it, for good."
    >
      <Button variant="danger-outline" className="self-start" onClick={() => setAsking(true)}>
        Delete account…
      </Button>
      {asking && <Confirmation onClose={() => setAsking(false)} />}
    </Section>
  );
}

function Confirmation({ onClose }: { onClose: () => void }) {
  const { problems, busy, form } = useForm(async (values) => {
    const found = orNull(required(values, { password: "Enter your password." }));
    if (found) return found;
    const { error } = await outcomeOf(authClient.deleteUser({ password: values.password ?? "" }));
    if (error?.code === "INVALID_PASSWORD") return { password: "This is not your password." };
    if (error) return { [WHOLE]: failureOf(error) };
    await forgetPerson(); // before the message: it clears those of the person
    showToast({ message: "Your account is deleted." });
    void lookAtSession();
    return null;
  });
  return (
    <Dialog aria-labelledby="delete-title" aria-describedby="delete-text" onClose={onClose}>
      <h2 id="delete-title" className="text-lg font-semibold">
        Delete your account?
      </h2>
      <p id="delete-text" className="mt-1 mb-4 text-sm text-faded">
        All your tasks are deleted with it. This cannot be undone.
      </p>
      <form {...form} className="flex flex-col gap-4">
        <FormProblem problems={problems} />
        <Field
          label="Your password"
          name="password"
          type="password"
          autoComplete="current-password"
          problem={problems.password}
        />
        <div className="flex justify-end gap-2">
          <Button variant="outline" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="danger" disabled={busy}>
            {busy ? "Deleting…" : "Delete for good"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
