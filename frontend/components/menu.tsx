import { clsx } from "clsx";
import type { ReactNode } from "react";

interface MenuProps {
  id: string;
  label: string;
  button: ReactNode;
  children: ReactNode;
}

/** A button with a panel below it: the browser opens it, closes it, and gives the focus back, without a script. */
export function Menu({ id, label, button, children }: MenuProps) {
  return (
    <>
      <button
        type="button"
        popoverTarget={id}
        aria-label={label}
        className="flex size-11 shrink-0 items-center justify-center rounded-full hover:bg-hover"
      >
        {button}
      </button>
      <div
        id={id}
        popover="auto"
        className="fixed top-16 right-[max(1rem,calc(50%-var(--column)/2+1rem))] max-h-[calc(100dvh-5rem)] w-64 max-w-[calc(100vw-2rem)] overflow-y-auto rounded-xl border bg-sheet p-2 text-ink shadow-xl"
      >
        {children}
      </div>
    </>
  );
}

export const menuItem =
  "flex min-h-11 w-full items-center gap-3 rounded-lg px-3 text-left text-[0.9375rem] hover:bg-hover [&_svg]:size-4.5 [&_svg]:text-faded";

const THEMES = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const;

/** The choice of a theme; the script in the page's head does what is chosen. */
export function ThemeChoice() {
  return (
    <fieldset className="px-3 py-2">
      <legend className="pb-1.5 text-sm text-faded">Theme</legend>
      <div className="flex gap-1 rounded-lg bg-hover p-1">
        {THEMES.map(([value, name]) => (
          <label
            key={value}
            className={clsx(
              "flex h-9 flex-1 cursor-pointer items-center justify-center rounded-md text-sm font-medium text-faded pointer-coarse:h-11",
              "has-checked:bg-raised has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-ring",
            )}
          >
            <input type="radio" name="theme" value={value} className="sr-only" />
            {name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
