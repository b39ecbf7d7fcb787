import { clsx } from "clsx";
import type { ComponentProps } from "react";

export function Skeleton({ className, ...props }: ComponentProps<"div">) {
  return (
    <div
      className={clsx("animate-pulse rounded-md bg-line motion-reduce:animate-none", className)}
      {...props}
    />
  );
}
