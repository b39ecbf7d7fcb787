"use client";

import Link from "next/link";
import { API_URL, authClient } from "@/lib/clients";
import { buttonVariants } from "./ui/button";
import { Card, CardDescription, CardTitle } from "./ui/card";

const REASONS = [
  ["Yours alone", "Another user's task is not forbidden. It is not there."],
  ["At once", "What you do is shown at once, and undone with a word if the server refuses it."],
  ["Without a mouse", "Everything can be done from the keyboard, on a phone, in the dark."],
] as const;

export function Welcome() {
  return (
    <div className="flex flex-col gap-10 sm:py-8">
      <div className="flex flex-col items-start gap-5">
        <h1 className="text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
          Your tasks, and nobody else's.
        </h1>
        <p className="max-w-prose text-lg text-muted-foreground">
          Taskward keeps the tasks of many users strictly apart. Make an account and write down what is next.
        </p>
        <Ways />
      </div>
      <div className="grid gap-4 sm:grid-cols-3">
        {REASONS.map(([title, text]) => (
          <Card key={title} className="gap-1">
            <CardTitle className="text-base">{title}</CardTitle>
            <CardDescription>{text}</CardDescription>
          </Card>
        ))}
      </div>
      <p className="text-sm text-muted-foreground">
        For programs:{" "}
        <a href={`${API_URL}/docs`} className="rounded-sm text-primary underline underline-offset-4">
          the API and its documentation
        </a>
      </p>
    </div>
  );
}

function Ways() {
  const { data } = authClient.useSession();
  if (data) {
    return (
      <Link href="/tasks" className={buttonVariants({ size: "lg" })}>
        Open your tasks
      </Link>
    );
  }
  return (
    <div className="flex flex-wrap gap-3">
      <Link href="/sign-up" className={buttonVariants({ size: "lg" })}>
        Create an account
      </Link>
      <Link href="/sign-in" className={buttonVariants({ size: "lg", variant: "outline" })}>
        Sign in
      </Link>
    </div>
  );
}
