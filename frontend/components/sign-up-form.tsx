"use client";

import { authClient, carriedOn, entered } from "@/lib/auth-client";
import { failureOf, outcomeOf } from "@/lib/clients";
import {
  emailProblem,
  newPasswordProblem,
  orNull,
  PASSWORD_MIN,
  required,
  useForm,
  WHOLE,
} from "@/lib/forms";
import { useSignedQuery } from "@/lib/oauth";
import { AuthCard, FormProblem } from "./auth-card";
import { Field } from "./field";
import { Button } from "./ui/button";

const TAKEN = "USER_ALREADY_EXISTS";

export function SignUpForm() {
  const query = useSignedQuery();
  const { problems, busy, form } = useForm(async (values) => {
    const { name = "", email = "", password = "" } = values;
    const found = orNull({
      ...required(values, { name: "Enter your name, or what you like to be called." }),
      ...emailProblem(email),
      ...newPasswordProblem("password", password),
    });
    if (found) return found;
    const { error } = await outcomeOf(
      authClient.signUp.email({
        name: name.trim(),
        email: email.trim(),
        password,
        ...carriedOn(query),
      }),
    );
    if (error?.code?.startsWith(TAKEN))
      return { email: "There is an account with this address already: sign in instead." };
    return error ? { [WHOLE]: failureOf(error) } : entered(query);
  });
  return (
    <AuthCard
      title="Create an account"
      description="A name, an address, a password. Nothing is sent to you."
      elsewhere={{ question: "Have an account?", href: "/sign-in", label: "Sign in" }}
    >
      <form {...form} className="flex flex-col gap-4">
        <FormProblem problems={problems} />
        <Field label="Name" name="name" autoComplete="name" problem={problems.name} />
        <Field label="E-mail" name="email" type="email" autoComplete="username" problem={problems.email} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          hint={`At least ${PASSWORD_MIN} characters.`}
          problem={problems.password}
        />
        <Button type="submit" size="large" disabled={busy}>
          {busy ? "Creating the account…" : "Create account"}
        </Button>
      </form>
    </AuthCard>
  );
}
