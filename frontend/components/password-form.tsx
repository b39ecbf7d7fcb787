"use client";

import { useQueryClient } from "@tanstack/react-query";
import { authClient, failureOf, taskward } from "@/lib/clients";
import { newPasswordProblem, orNull, PASSWORD_MIN, required, useForm, WHOLE } from "@/lib/forms";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Card, CardTitle } from "./ui/card";
import { Checkbox } from "./ui/checkbox";
import { Label } from "./ui/label";

export function PasswordForm() {
  const queries = useQueryClient();
  const { problems, busy, form } = useForm(async (values, element) => {
    const { currentPassword = "", newPassword = "" } = values;
    const found = orNull({
      ...required(values, "currentPassword"),
      ...newPasswordProblem("newPassword", newPassword),
    });
    if (found) return found;
    const revokeOtherSessions = values.revoke === "on";
    const { error } = await authClient.changePassword({ currentPassword, newPassword, revokeOtherSessions });
    if (error?.code === "INVALID_PASSWORD") return { currentPassword: "This is not your password." };
    if (error) return { [WHOLE]: failureOf(error) };
    element.reset();
    taskward.token.clear();
    void queries.invalidateQueries({ queryKey: ["sessions"] });
    showToast({ message: "Your password is changed." });
    return null;
  });
  return (
    <Card aria-labelledby="password">
      <CardTitle id="password">Password</CardTitle>
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
          <Checkbox id="revoke" name="revoke" defaultChecked className="rounded-sm" />
          <Label htmlFor="revoke" className="font-normal">
            Sign out everywhere else
          </Label>
        </div>
        <Button type="submit" className="self-start" disabled={busy}>
          Change password
        </Button>
      </form>
    </Card>
  );
}
