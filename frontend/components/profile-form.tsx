"use client";

import { authClient } from "@/lib/auth-client";
import { failureOf, outcomeOf } from "@/lib/clients";
import { orNull, required, useForm, WHOLE } from "@/lib/forms";
import { lookAtSession } from "@/lib/session";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Section } from "./ui/section";

export function ProfileForm({ user }: { user: { name: string; email: string } }) {
  const { problems, busy, form } = useForm(async (values) => {
    const found = orNull(required(values, { name: "Enter your name." }));
    if (found) return found;
    const { error } = await outcomeOf(authClient.updateUser({ name: (values.name ?? "").trim() }));
    if (error) return { [WHOLE]: failureOf(error) };
    void lookAtSession();
    showToast({ message: "Your name is saved." });
    return null;
  });
  return (
    <Section id="profile" title="Profile" description={`You sign in as ${user.email}.`}>
      <form {...form} className="flex flex-col items-start gap-4">
        <FormProblem problems={problems} />
        <div className="w-full">
          <Field
            label="Name"
            name="name"
            autoComplete="name"
            defaultValue={user.name}
            problem={problems.name}
          />
        </div>
        <Button type="submit" disabled={busy}>
          {busy ? "Saving…" : "Save name"}
        </Button>
      </form>
    </Section>
  );
}
