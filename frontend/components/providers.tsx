"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { noticeOtherTabs } from "@/lib/clients";
import { useOtherTabs } from "@/lib/use-tasks";

/** What the pages share that show somebody's own data; the others load without it. */
export function Providers({ children }: { children: ReactNode }) {
  const [queries] = useState(
    () => new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 5_000 } } }),
  );
  useEffect(noticeOtherTabs, []);
  return (
    <QueryClientProvider client={queries}>
      <OtherTabs />
      {children}
    </QueryClientProvider>
  );
}

function OtherTabs() {
  useOtherTabs();
  return null;
}
