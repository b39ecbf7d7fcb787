import type { ComponentProps } from "react";
import { cn } from "@/lib/utils";

const FIELD =
  "w-full min-w-0 rounded-md border border-input bg-card px-3 text-base outline-none transition-colors placeholder:text-muted-foreground focus-visible:border-ring focus-visible:ring-[3px] focus-visible:ring-ring/50 disabled:opacity-60 aria-invalid:border-destructive aria-invalid:ring-destructive/30 md:text-sm";

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input className={cn(FIELD, "h-10", className)} {...props} />;
}

export function Textarea({ className, ...props }: ComponentProps<"textarea">) {
  return (
    <textarea className={cn(FIELD, "field-sizing-content max-h-80 min-h-20 py-2", className)} {...props} />
  );
}
