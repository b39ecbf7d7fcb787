"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { noticeOtherTabs } from "@/lib/clients";
import { useFarewell, useOtherTabs } from "@/lib/use-tasks";
import { Toaster } from "./toaster";

export function Providers({ children }: { children: ReactNode }) {
  const [queries] = useState(
    () => new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 5_000 } } }),
  );
  useEffect(noticeOtherTabs, []);
  return (
    <QueryClientProvider client={queries}>
      <WholePage />
      {children}
      <Toaster />
    </QueryClientProvider>
  );
}

function WholePage() {
  useOtherTabs();
  useFarewell();
  return null;
}
