"use client";

import "./globals.css";

export default function GlobalFailure({ reset }: { reset: () => void }) {
  return (
    <html lang="en">
      <body className="p-8">
        <h1 className="text-2xl font-bold">Something went wrong</h1>
        <button type="button" className="mt-4 underline" onClick={reset}>
          Try again
        </button>
      </body>
    </html>
  );
}
