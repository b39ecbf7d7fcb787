"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { useState } from "react";
import { authClient, signOut } from "@/lib/clients";
import { showToast } from "@/lib/toasts";
import { cn } from "@/lib/utils";
import { Shield } from "./icons";
import { ThemeToggle } from "./theme-toggle";
import { Button, buttonVariants } from "./ui/button";

export function SiteHeader() {
  return (
    <header className="border-b bg-card">
      <div className="mx-auto flex h-16 max-w-3xl items-center gap-1 px-4">
        <Link
          href="/"
          className="mr-auto flex items-center gap-2 rounded-md font-semibold focus-visible:ring-[3px] focus-visible:ring-ring"
        >
          <Shield className="size-6 text-primary" />
          <span className="max-[26rem]:sr-only">Taskward</span>
        </Link>
        <Places />
        <ThemeToggle />
      </div>
    </header>
  );
}

function Places() {
  const { data, isPending } = authClient.useSession();
  if (isPending) return null;
  if (!data) return <Place href="/sign-in">Sign in</Place>;
  return (
    <nav aria-label="Main" className="flex items-center gap-1">
      <Place href="/tasks">Tasks</Place>
      <Place href="/account">Account</Place>
      <SignOut />
    </nav>
  );
}

function Place({ href, children }: { href: string; children: string }) {
  const here = usePathname() === href;
  return (
    <Link
      href={href}
      aria-current={here ? "page" : undefined}
      className={cn(
        buttonVariants({ variant: "ghost", size: "sm" }),
        here && "bg-accent text-accent-foreground",
      )}
    >
      {children}
    </Link>
  );
}

function SignOut() {
  const [busy, setBusy] = useState(false);
  const leave = async () => {
    setBusy(true);
    const failure = await signOut();
    setBusy(false);
    if (failure) showToast({ tone: "error", message: failure });
  };
  return (
    <Button variant="ghost" size="sm" disabled={busy} onClick={leave}>
      Sign out
    </Button>
  );
}
