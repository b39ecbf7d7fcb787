import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";

export const buttonVariants = cva(
  "inline-flex shrink-0 items-center justify-center gap-2 font-medium whitespace-nowrap transition-colors disabled:pointer-events-none disabled:opacity-60 [&_svg]:pointer-events-none [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        default: "bg-pen text-on-pen hover:bg-pen/90",
        danger: "bg-danger text-on-danger hover:bg-danger/90",
        "danger-outline": "border border-danger text-danger hover:bg-danger-wash",
        outline: "border border-edge/60 bg-sheet hover:bg-hover",
        ghost: "text-faded hover:bg-hover hover:text-ink",
        link: "text-pen underline decoration-pen/40 underline-offset-4 hover:decoration-pen",
      },
      size: {
        default: "h-11 rounded-lg px-4 text-[0.9375rem]",
        small: "h-9 rounded-md px-3 text-sm pointer-coarse:h-11",
        large: "h-12 rounded-xl px-6 text-base",
        icon: "size-9 rounded-md [&_svg]:size-4.5 pointer-coarse:size-11",
        text: "rounded-sm text-sm pointer-coarse:min-h-11",
      },
    },
    defaultVariants: { variant: "default", size: "default" },
  },
);

export type ButtonProps = ComponentProps<"button"> & VariantProps<typeof buttonVariants>;

export function Button({ className, variant, size, type = "button", ...props }: ButtonProps) {
  return <button type={type} className={buttonVariants({ variant, size, className })} {...props} />;
}
