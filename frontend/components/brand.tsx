import { Mark } from "./mark";

/** A plain link: the start page is a document of its own, which needs nothing of what runs here. */
export function Brand({ href }: { href: string }) {
  return (
    <a href={href} className="mr-auto flex items-center gap-2 rounded-md text-lg font-bold tracking-tight">
      <Mark />
      <span className="max-[22rem]:sr-only">Taskward</span>
    </a>
  );
}
