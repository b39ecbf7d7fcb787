import type { ReactNode } from "react";
import { OfflineCopy } from "@/components/offline-copy";
import { SiteHeader } from "@/components/site-header";
import { Toaster } from "@/components/toaster";

export default function AppLayout({ children }: { children: ReactNode }) {
  return (
    <>
      <noscript className="block p-4">This page needs JavaScript. The API does not: see /docs.</noscript>
      <SiteHeader />
      <main className="mx-auto max-w-3xl px-4 pt-6 pb-28 sm:pt-10 print:p-0">{children}</main>
      <Toaster />
      <OfflineCopy />
    </>
  );
}
