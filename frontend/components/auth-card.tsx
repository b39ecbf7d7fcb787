"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useEffect } from "react";
import { type Problems, WHOLE } from "@/lib/forms";
import { signedPart, useSignedQuery } from "@/lib/oauth";
import { useSession } from "@/lib/session";
import { PageLink } from "./page-link";
import { Notice } from "./ui/notice";

interface AuthCardProps {
  title: string;
  description: ReactNode;
  children: ReactNode;
  elsewhere?: ElsewhereProps;
}

interface ElsewhereProps {
  question: string;
  href: string;
  label: string;
}

/** The frame of sign-in and sign-up; whoever is signed in is led on. */
export function AuthCard({ title, description, children, elsewhere }: AuthCardProps) {
  useLeadOn();
  return (
    <div className="mx-auto flex max-w-sm flex-col gap-6 sm:pt-6">
      <div>
        <h1 className="text-3xl font-bold tracking-tight">{title}</h1>
        <p className="mt-1.5 wrap-anywhere text-faded">{description}</p>
      </div>
      {children}
      {elsewhere && <Elsewhere {...elsewhere} />}
    </div>
  );
}

function Elsewhere({ question, href, label }: ElsewhereProps) {
  const query = useSignedQuery();
  return (
    <p className="border-t pt-5 text-[0.9375rem] text-faded">
      {question}{" "}
      <PageLink
        href={query === null ? href : `${href}?${query}`}
        className="rounded-sm font-medium text-pen underline decoration-pen/40 underline-offset-4 hover:decoration-pen"
      >
        {label}
      </PageLink>
    </p>
  );
}

export function FormProblem({ problems }: { problems: Problems }) {
  return (
    <div role="alert" className="empty:hidden">
      {problems[WHOLE] && <Notice tone="danger">{problems[WHOLE]}</Notice>}
    </div>
  );
}

const PLACES = ["/tasks", "/account"];

function useLeadOn(): void {
  const router = useRouter();
  const { data } = useSession();
  useEffect(() => {
    if (!data || signedPart(window.location.search) !== null) return;
    const wanted = new URLSearchParams(window.location.search).get("next") ?? "";
    router.replace(PLACES.includes(wanted) ? wanted : "/tasks");
  }, [data, router]);
}
