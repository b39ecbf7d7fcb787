"use client";

import { lazy, Suspense } from "react";
import { useOffers } from "@/lib/offers";
import { useSession } from "@/lib/session";
import { DeleteAccount } from "./delete-account";
import { PasswordForm } from "./password-form";
import { ProfileForm } from "./profile-form";
import { Sessions } from "./sessions";
import { SignedIn } from "./signed-in";
import { Skeleton } from "./ui/skeleton";

// It asks the server first anyway, and most people have nothing to see there.
const ConnectedApps = lazy(() => import("./connected-apps"));
const MoreWays = lazy(() => import("./more-ways"));

export function AccountPage() {
  return (
    <div className="flex flex-col">
      <h1 className="pb-6 text-3xl font-bold tracking-tight">Account</h1>
      <SignedIn fallback={<AccountSkeleton />}>{() => <Account />}</SignedIn>
    </div>
  );
}

function Account() {
  const { data } = useSession();
  const offers = useOffers();
  if (!data) return <AccountSkeleton />;
  return (
    <>
      <ProfileForm user={data.user} />
      <PasswordForm />
      {offers && (
        <Suspense fallback={<Skeleton className="my-8 h-72" />}>
          <MoreWays user={data.user} />
        </Suspense>
      )}
      <Sessions current={data.session} />
      <Suspense>
        <ConnectedApps />
      </Suspense>
      <DeleteAccount />
    </>
  );
}

function AccountSkeleton() {
  return (
    <div
      className="flex flex-col gap-8 border-t pt-8"
      role="status"
      aria-busy="true"
      aria-label="Loading the account"
    >
      <Skeleton className="h-40" />
      <Skeleton className="h-64" />
    </div>
  );
}
