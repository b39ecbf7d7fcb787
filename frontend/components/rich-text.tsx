import type { ReactNode } from "react";

const LINK = /https?:\/\/[^\s<>"“”]+[^\s<>"“”.,;:!?)\]}'’]/g;

/** A text whose web addresses are links; everything else is text, whatever it looks like. */
export function RichText({ text }: { text: string }) {
  const parts: ReactNode[] = [];
  let end = 0;
  for (const { 0: address, index } of text.matchAll(LINK)) {
    parts.push(
      text.slice(end, index),
      <a
        key={index}
        href={address}
        target="_blank"
        rel="noopener noreferrer"
        className="rounded-sm text-pen underline decoration-pen/40 underline-offset-2 hover:decoration-pen"
      >
        {address}
      </a>,
    );
    end = index + address.length;
  }
  return <>{[...parts, text.slice(end)]}</>;
}
