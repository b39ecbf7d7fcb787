"use client";

import { type ComponentType, lazy, Suspense } from "react";
import { useOffers } from "@/lib/offers";
import type { SignedInUser } from "@/lib/session";
import { Notice } from "./ui/notice";
import { Skeleton } from "./ui/skeleton";

/** With the column that the plugin adds. */
type User = SignedInUser["user"] & { twoFactorEnabled?: boolean | null };

const TwoFactor = lazy<ComponentType<{ isOn: boolean }>>(() => import("./two-factor").catch(notLoaded));
const Passkeys = lazy<ComponentType>(() => import("./passkeys").catch(notLoaded));

/** What the account has beyond its password, where the server has it. */
export default function MoreWays({ user }: { user: User }) {
  const offers = useOffers();
  return (
    <>
      {offers.includes("two-factor") && (
        <Suspense fallback={<Skeleton className="my-8 h-16" />}>
          <TwoFactor isOn={user.twoFactorEnabled === true} />
        </Suspense>
      )}
      {offers.includes("passkey") && (
        <Suspense fallback={<Skeleton className="my-8 h-44" />}>
          <Passkeys />
        </Suspense>
      )}
    </>
  );
}

function notLoaded() {
  return { default: NotLoaded };
}

function NotLoaded() {
  return (
    <Notice className="my-8" role="alert" tone="danger">
      A part of the page could not be loaded. Load it again.
    </Notice>
  );
}
