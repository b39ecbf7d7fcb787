"use client";

import { authClient, failureOf } from "@/lib/clients";
import { emailProblem, orNull, required, useForm, WHOLE } from "@/lib/forms";
import { AuthCard, FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";

export function SignInForm() {
  const { problems, busy, form } = useForm(async (values) => {
    const { email = "", password = "" } = values;
    const found = orNull({ ...required(values, "password"), ...emailProblem(email) });
    if (found) return found;
    const { error } = await authClient.signIn.email({ email: email.trim(), password });
    return (
      error && {
        [WHOLE]: error.status === 401 ? "The e-mail address or the password is wrong." : failureOf(error),
      }
    );
  });
  return (
    <AuthCard
      title="Sign in"
      description="Your tasks are waiting."
      elsewhere={{ question: "New here?", href: "/sign-up", label: "Create an account" }}
    >
      <form {...form} className="flex flex-col gap-4">
        <FormProblem problems={problems} />
        <Field label="E-mail" name="email" type="email" autoComplete="username" problem={problems.email} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          problem={problems.password}
        />
        <Button type="submit" size="lg" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </Button>
      </form>
    </AuthCard>
  );
}
