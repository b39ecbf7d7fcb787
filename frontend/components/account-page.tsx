"use client";

import { authClient } from "@/lib/clients";
import { DeleteAccount } from "./delete-account";
import { PasswordForm } from "./password-form";
import { ProfileForm } from "./profile-form";
import { Sessions } from "./sessions";
import { SignedIn } from "./signed-in";
import { Skeleton } from "./ui/skeleton";

export function AccountPage() {
  return (
    <div className="flex flex-col gap-5">
      <h1 className="text-2xl font-semibold">Account</h1>
      <SignedIn fallback={<AccountSkeleton />}>{() => <Account />}</SignedIn>
    </div>
  );
}

function Account() {
  const { data } = authClient.useSession();
  if (!data) return <AccountSkeleton />;
  return (
    <>
      <ProfileForm user={data.user} />
      <PasswordForm />
      <Sessions current={data.session} />
      <DeleteAccount />
    </>
  );
}

function AccountSkeleton() {
  return (
    <div className="flex flex-col gap-5" role="status" aria-busy="true" aria-label="Loading the account">
      <Skeleton className="h-56 rounded-xl" />
      <Skeleton className="h-80 rounded-xl" />
    </div>
  );
}
