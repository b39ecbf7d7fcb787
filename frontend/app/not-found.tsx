import type { Metadata } from "next";
import Link from "next/link";
import { buttonVariants } from "@/components/ui/button";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <div className="flex flex-col items-start gap-4">
      <h1 className="text-2xl font-semibold">There is no such page</h1>
      <p className="text-muted-foreground">Perhaps the address has a typing error.</p>
      <Link href="/" className={buttonVariants()}>
        To the start
      </Link>
    </div>
  );
}
