"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { type ReactNode, useEffect } from "react";
import { authClient } from "@/lib/clients";
import { type Problems, WHOLE } from "@/lib/forms";
import { Alert } from "./ui/alert";
import { Card, CardDescription } from "./ui/card";

interface AuthCardProps {
  title: string;
  description: string;
  children: ReactNode;
  elsewhere: { question: string; href: string; label: string };
}

/** The frame of sign-in and sign-up; whoever is signed in is led on. */
export function AuthCard({ title, description, children, elsewhere }: AuthCardProps) {
  useLeadOn();
  return (
    <Card className="mx-auto max-w-sm sm:mt-8">
      <div>
        <h1 className="text-2xl font-semibold">{title}</h1>
        <CardDescription>{description}</CardDescription>
      </div>
      {children}
      <p className="text-sm text-muted-foreground">
        {elsewhere.question}{" "}
        <Link
          href={elsewhere.href}
          className="rounded-sm font-medium text-primary underline underline-offset-4"
        >
          {elsewhere.label}
        </Link>
      </p>
    </Card>
  );
}

export function FormProblem({ problems }: { problems: Problems }) {
  return (
    <div role="alert" className="empty:hidden">
      {problems[WHOLE] && <Alert variant="destructive">{problems[WHOLE]}</Alert>}
    </div>
  );
}

const PLACES = ["/tasks", "/account"];

function useLeadOn(): void {
  const router = useRouter();
  const { data } = authClient.useSession();
  useEffect(() => {
    if (data === null) return;
    const wanted = new URLSearchParams(window.location.search).get("next") ?? "";
    router.replace(PLACES.includes(wanted) ? wanted : "/tasks");
  }, [data, router]);
}
