"use client";

/** It stands on its own: every page loads it. A new load also helps where a file of an older build is missing. */
export default function Failure() {
  return (
    <main role="alert" className="mx-auto flex max-w-3xl flex-col items-start gap-4 px-4 pt-16">
      <h1 className="text-3xl font-bold tracking-tight">Something went wrong</h1>
      <p className="text-faded">The page has a fault of its own. What you wrote is kept.</p>
      <button
        type="button"
        className="inline-flex h-11 items-center rounded-lg bg-pen px-4 text-[0.9375rem] font-medium text-on-pen hover:bg-pen/90"
        onClick={() => window.location.reload()}
      >
        Try again
      </button>
    </main>
  );
}
