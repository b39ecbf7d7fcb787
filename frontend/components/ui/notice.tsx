import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";

const noticeVariants = cva(
  "flex flex-wrap items-center justify-between gap-x-4 gap-y-2 rounded-lg px-4 py-2.5 text-[0.9375rem]",
  {
    variants: {
      tone: {
        danger: "border border-danger/40 bg-danger-wash text-danger",
        marker: "bg-marker text-on-marker",
        plain: "border bg-sheet text-ink",
      },
    },
    defaultVariants: { tone: "plain" },
  },
);

/** Something to know, in a line of its own. */
export function Notice({
  className,
  tone,
  ...props
}: ComponentProps<"div"> & VariantProps<typeof noticeVariants>) {
  return <div className={noticeVariants({ tone, className })} {...props} />;
}
