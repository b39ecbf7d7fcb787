import { Brand } from "./brand";
import { Menu, ThemeChoice } from "./menu";
import { buttonVariants } from "./ui/button";

/** The header of pages that run no script but that of the theme. */
export function StaticHeader() {
  return (
    <header>
      <div className="mx-auto flex h-16 max-w-5xl items-center [--column:var(--container-5xl)] gap-1 px-4">
        <Brand href="/" />
        <span className="known:hidden">
          <a href="/sign-in" className={buttonVariants({ variant: "ghost", size: "small" })}>
            Sign in
          </a>
        </span>
        <span className="hidden known:block">
          <a href="/tasks" className={buttonVariants({ variant: "ghost", size: "small" })}>
            Your tasks
          </a>
        </span>
        <Menu id="theme-menu" label="Theme" button={<HalfMoon />}>
          <ThemeChoice />
        </Menu>
      </div>
    </header>
  );
}

/** Half light, half dark. */
function HalfMoon() {
  return (
    <svg viewBox="0 0 24 24" width={20} height={20} aria-hidden="true" className="text-faded">
      <circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" strokeWidth="2" />
      <path d="M12 3a9 9 0 0 1 0 18z" fill="currentColor" />
    </svg>
  );
}
