"use client";

import { Button } from "@/components/ui/button";

export default function Failure({ reset }: { reset: () => void }) {
  return (
    <div role="alert" className="flex flex-col items-start gap-4">
      <h1 className="text-2xl font-semibold">Something went wrong</h1>
      <p className="text-muted-foreground">
        The page has an error of its own. Nothing that was saved is lost.
      </p>
      <Button onClick={reset}>Try again</Button>
    </div>
  );
}
