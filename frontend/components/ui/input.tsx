import { clsx } from "clsx";
import type { ComponentProps } from "react";

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input dir="auto" className={clsx("field h-11", className)} {...props} />;
}

export function Textarea({ className, ...props }: ComponentProps<"textarea">) {
  return (
    <textarea
      dir="auto"
      className={clsx("field field-sizing-content max-h-[60vh] min-h-20 py-2", className)}
      {...props}
    />
  );
}
