// The few icons of the page, as Lucide draws them (lucide.dev, ISC licence).
import type { ComponentProps } from "react";

type IconProps = ComponentProps<"svg">;

function Icon({ paths, ...props }: IconProps & { paths: readonly string[] }) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      width={16}
      height={16}
      {...props}
    >
      {paths.map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  );
}

const PENCIL = [
  "M21.174 6.812a1 1 0 0 0-3.986-3.987L3.842 16.174a2 2 0 0 0-.5.83l-1.321 4.352a.5.5 0 0 0 .623.622l4.353-1.32a2 2 0 0 0 .83-.497z",
  "m15 5 4 4",
];
const TRASH = [
  "M3 6h18",
  "M19 6v14c0 1-1 2-2 2H7c-1 0-2-1-2-2V6",
  "M8 6V4c0-1 1-2 2-2h4c1 0 2 1 2 2v2",
  "M10 11v6",
  "M14 11v6",
];
const PLUS = ["M5 12h14", "M12 5v14"];
const CLOSE = ["M18 6 6 18", "m6 6 12 12"];
const MOON = ["M12 3a6 6 0 0 0 9 9 9 9 0 1 1-9-9Z"];
const SUN = [
  "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  "M12 2v2",
  "M12 20v2",
  "m4.93 4.93 1.41 1.41",
  "m17.66 17.66 1.41 1.41",
  "M2 12h2",
  "M20 12h2",
  "m6.34 17.66-1.41 1.41",
  "m19.07 4.93-1.41 1.41",
];
const MONITOR = [
  "M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Z",
  "M8 21h8",
  "M12 17v4",
];
const SHIELD = [
  "M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z",
  "m9 12 2 2 4-4",
];

export const Pencil = (props: IconProps) => <Icon paths={PENCIL} {...props} />;
export const Trash = (props: IconProps) => <Icon paths={TRASH} {...props} />;
export const Plus = (props: IconProps) => <Icon paths={PLUS} {...props} />;
export const Close = (props: IconProps) => <Icon paths={CLOSE} {...props} />;
export const Moon = (props: IconProps) => <Icon paths={MOON} {...props} />;
export const Sun = (props: IconProps) => <Icon paths={SUN} {...props} />;
export const Monitor = (props: IconProps) => <Icon paths={MONITOR} {...props} />;
export const Shield = (props: IconProps) => <Icon paths={SHIELD} {...props} />;
