"use client";

import { useState } from "react";
import { authClient, failureOf, taskward } from "@/lib/clients";
import { orNull, required, useForm, WHOLE } from "@/lib/forms";
import { showToast } from "@/lib/toasts";
import { FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";
import { Card, CardDescription, CardTitle } from "./ui/card";
import { Dialog } from "./ui/dialog";

export function DeleteAccount() {
  const [asking, setAsking] = useState(false);
  return (
    <Card aria-labelledby="delete">
      <div>
        <CardTitle id="delete">Delete account</CardTitle>
        <CardDescription>Your tasks and your sessions go with it, for good.</CardDescription>
      </div>
      <Button variant="destructive" className="self-start" onClick={() => setAsking(true)}>
        Delete account…
      </Button>
      {asking && <Confirmation onClose={() => setAsking(false)} />}
    </Card>
  );
}

function Confirmation({ onClose }: { onClose: () => void }) {
  const { problems, busy, form } = useForm(async (values) => {
    const found = orNull(required(values, "password"));
    if (found) return found;
    const { error } = await authClient.deleteUser({ password: values.password ?? "" });
    if (error?.code === "INVALID_PASSWORD") return { password: "This is not your password." };
    if (error) return { [WHOLE]: failureOf(error) };
    taskward.token.clear();
    showToast({ message: "Your account is deleted." });
    return null;
  });
  return (
    <Dialog aria-labelledby="delete-title" aria-describedby="delete-text" onClose={onClose}>
      <h2 id="delete-title" className="text-lg font-semibold">
        Delete your account?
      </h2>
      <p id="delete-text" className="mt-1 mb-4 text-sm text-muted-foreground">
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
          <Button type="submit" variant="destructive" disabled={busy}>
            Delete for good
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
