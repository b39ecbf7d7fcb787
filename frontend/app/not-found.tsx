import type { Metadata } from "next";
import { StaticHeader } from "@/components/static-header";
import { buttonVariants } from "@/components/ui/button";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <div data-static>
      <StaticHeader />
      <main className="mx-auto flex max-w-5xl flex-col items-start gap-4 px-4 pt-16">
        <h1 className="text-4xl font-bold tracking-tight">There is no such page</h1>
        <p className="text-lg text-faded">The address has a typing error, or the page was never written.</p>
        <a href="/" className={buttonVariants({ className: "mt-2" })}>
          To the start
        </a>
      </main>
    </div>
  );
}
