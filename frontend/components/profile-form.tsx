"use client";

import { authClient, failureOf } from "@/lib/clients";
import { orNull, required, useForm, WHOLE } from "@/lib/forms";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Card, CardDescription, CardTitle } from "./ui/card";

export function ProfileForm({ user }: { user: { name: string; email: string } }) {
  const { problems, busy, form } = useForm(async (values) => {
    const found = orNull(required(values, "name"));
    if (found) return found;
    const { error } = await authClient.updateUser({ name: (values.name ?? "").trim() });
    if (error) return { [WHOLE]: failureOf(error) };
    showToast({ message: "Your name is saved." });
    return null;
  });
  return (
    <Card aria-labelledby="profile">
      <div>
        <CardTitle id="profile">Profile</CardTitle>
        <CardDescription className="wrap-anywhere">You sign in as {user.email}.</CardDescription>
      </div>
      <form {...form} className="flex flex-col gap-4">
        <FormProblem problems={problems} />
        <Field
          label="Name"
          name="name"
          autoComplete="name"
          defaultValue={user.name}
          problem={problems.name}
        />
        <Button type="submit" className="self-start" disabled={busy}>
          Save name
        </Button>
      </form>
    </Card>
  );
}
