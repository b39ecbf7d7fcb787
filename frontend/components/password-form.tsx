"use client";

import { authClient } from "@/lib/auth-client";
import { failureOf, outcomeOf, taskward } from "@/lib/clients";
import { newPasswordProblem, orNull, PASSWORD_MIN, required, useForm, WHOLE } from "@/lib/forms";
import { lookAtSession } from "@/lib/session";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { sessionsChanged } from "./sessions";
import { Button } from "./ui/button";
import { Checkbox } from "./ui/checkbox";
import { Section } from "./ui/section";

export function PasswordForm() {
  const { problems, busy, form } = useForm(async (values, element) => {
    const { currentPassword = "", newPassword = "" } = values;
    const found = orNull({
      ...required(values, { currentPassword: "Enter the password you have now." }),
      ...newPasswordProblem("newPassword", newPassword),
    });
    if (found) return found;
    const revokeOtherSessions = values.revoke === "on";
    const { error } = await outcomeOf(
      authClient.changePassword({ currentPassword, newPassword, revokeOtherSessions }),
    );
    if (error?.code === "INVALID_PASSWORD") return { currentPassword: "This is not your password." };
    if (error) return { [WHOLE]: failureOf(error) };
    element.reset();
    taskward.token.clear();
    void lookAtSession();
    sessionsChanged();
    showToast({ message: "Your password is changed." });
    return null;
  });
  return (
    <Section id="password" title="Password" description="A new one holds at once.">
      <form {...form} className="flex flex-col gap-4">
        <FormProblem problems={problems} />
        <Field
          label="Current password"
          name="currentPassword"
          type="password"
          autoComplete="current-password"
          problem={problems.currentPassword}
        />
        <Field
          label="New password"
          name="newPassword"
          type="password"
          autoComplete="new-password"
          hint={`At least ${PASSWORD_MIN} characters.`}
          problem={problems.newPassword}
        />
        <div className="flex items-center gap-3">
          <Checkbox id="revoke" name="revoke" defaultChecked />
          <label htmlFor="revoke" className="text-[0.9375rem] pointer-coarse:py-2.5">
            Sign out everywhere else
          </label>
        </div>
        <Button type="submit" className="self-start" disabled={busy}>
          {busy ? "Changing…" : "Change password"}
        </Button>
      </form>
    </Section>
  );
}
