"use client";

import { useRouter } from "next/navigation";
import type { ComponentProps, MouseEvent } from "react";
import { isPlainClick } from "@/lib/use-store";

interface PageLinkProps extends ComponentProps<"a"> {
  href: string;
}

/** A link to another page of this app, of which nothing is loaded before somebody asks for it. */
export function PageLink({ href, ...props }: PageLinkProps) {
  const router = useRouter();
  const follow = (event: MouseEvent<HTMLElement>) => {
    if (!isPlainClick(event)) return;
    event.preventDefault();
    event.currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
    router.push(href);
  };
  return <a href={href} onClick={follow} {...props} />;
}
