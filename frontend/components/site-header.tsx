"use client";

import { LogOut, UserRound } from "lucide-react";
import { usePathname } from "next/navigation";
import { useState } from "react";
import { API_URL } from "@/lib/api-url";
import { finishWork, signOut } from "@/lib/leaving";
import { useSession } from "@/lib/session";
import { showToast } from "@/lib/toasts";
import { Brand } from "./brand";
import { Menu, menuItem, ThemeChoice } from "./menu";
import { PageLink } from "./page-link";
import { Button, buttonVariants } from "./ui/button";
import { Dialog } from "./ui/dialog";

export function SiteHeader() {
  const { data } = useSession();
  const isSignedIn = Boolean(data);
  return (
    <header className="print:hidden">
      <div className="mx-auto flex h-16 max-w-3xl items-center [--column:var(--container-3xl)] gap-1 px-4">
        <Brand href={isSignedIn ? "/tasks" : "/"} />
        {isSignedIn && <BackToTasks />}
        <AccountMenu user={data?.user ?? null} />
      </div>
    </header>
  );
}

function BackToTasks() {
  const here = usePathname();
  if (here === "/tasks") return null;
  return (
    <PageLink href="/tasks" className={buttonVariants({ variant: "ghost", size: "small" })}>
      Tasks
    </PageLink>
  );
}

interface Person {
  name: string;
  email: string;
}

function AccountMenu({ user }: { user: Person | null }) {
  return (
    <Menu
      id="account-menu"
      label={user ? "Account menu" : "Menu"}
      button={
        <span className="flex size-9 items-center justify-center rounded-full bg-wash text-[0.9375rem] font-semibold text-pen">
          {user ? <span dir="auto">{initialOf(user)}</span> : <UserRound className="size-4.5" />}
        </span>
      }
    >
      {user && (
        <p className="px-3 pt-2 pb-1 wrap-anywhere">
          <bdi className="block font-medium">{user.name}</bdi>
          <span className="text-sm text-faded">{user.email}</span>
        </p>
      )}
      <ThemeChoice />
      {user && (
        <PageLink href="/account" className={menuItem}>
          <UserRound />
          Account
        </PageLink>
      )}
      {user ? (
        <SignOut />
      ) : (
        <PageLink href="/sign-in" className={menuItem}>
          <UserRound />
          Sign in
        </PageLink>
      )}
      <a href={`${API_URL}/docs`} className={`${menuItem} mt-1 border-t text-faded`}>
        API documentation
      </a>
    </Menu>
  );
}

function initialOf({ name, email }: Person): string {
  const [first = "?"] = (name.trim() || email).toUpperCase();
  return first;
}

function SignOut() {
  const [busy, setBusy] = useState(false);
  const [left, setLeft] = useState(0);
  const leave = async (anyway: boolean) => {
    setBusy(true);
    const unsaved = anyway ? 0 : await finishWork();
    setLeft(unsaved);
    const failure = unsaved > 0 ? null : await signOut();
    setBusy(false);
    if (failure) showToast({ tone: "error", message: `You are still signed in. ${failure}` });
  };
  return (
    <>
      <button type="button" className={menuItem} disabled={busy} onClick={() => void leave(false)}>
        <LogOut />
        {busy ? "Signing out…" : "Sign out"}
      </button>
      {left > 0 && <Unsaved count={left} onStay={() => setLeft(0)} onLeave={() => void leave(true)} />}
    </>
  );
}

interface UnsavedProps {
  count: number;
  onStay: () => void;
  onLeave: () => void;
}

function Unsaved({ count, onStay, onLeave }: UnsavedProps) {
  return (
    <Dialog aria-labelledby="unsaved" aria-describedby="unsaved-text" onClose={onStay}>
      <h2 id="unsaved" className="text-lg font-semibold">
        {count === 1 ? "One change is not saved yet" : `${count} changes are not saved yet`}
      </h2>
      <p id="unsaved-text" className="mt-1 mb-5 text-faded">
        If you sign out now, this browser keeps {count === 1 ? "it" : "them"} for you, out of sight, until you
        sign in here again.
      </p>
      <div className="flex flex-wrap justify-end gap-2">
        <Button variant="outline" onClick={onStay}>
          Stay
        </Button>
        <Button onClick={onLeave}>Sign out and keep {count === 1 ? "it" : "them"}</Button>
      </div>
    </Dialog>
  );
}
