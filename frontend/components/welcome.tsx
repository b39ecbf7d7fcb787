import { clsx } from "clsx";
import { API_URL } from "@/lib/api-url";
import { StaticHeader } from "./static-header";
import { buttonVariants } from "./ui/button";

export function Welcome() {
  return (
    <div data-static>
      <StaticHeader />
      <main className="mx-auto max-w-5xl px-4 pt-10 pb-24 sm:pt-20">
        <div className="grid items-center gap-12 lg:grid-cols-[1.05fr_1fr]">
          <div className="flex flex-col items-start gap-6">
            <h1 className="text-5xl leading-[1.02] font-extrabold tracking-[-0.03em] text-balance sm:text-7xl">
              Write it down. It stays put.
            </h1>
            <p className="max-w-[34ch] text-xl leading-relaxed text-faded">
              A list for people with things to do. In a tunnel, on a train, with a dead server: what you write
              is saved, or it says that it is not saved yet.
            </p>
            <Ways />
          </div>
          <Sheet />
        </div>
        <Reasons />
        <p className="mt-16 border-t pt-6 text-[0.9375rem] text-faded">
          For programs:{" "}
          <a
            href={`${API_URL}/docs`}
            className="rounded-sm text-pen underline decoration-pen/40 underline-offset-4 hover:decoration-pen"
          >
            the API and its documentation
          </a>
        </p>
      </main>
    </div>
  );
}

/** To the list for those who have been here, to an account for the others. */
function Ways() {
  return (
    <>
      <p className="hidden known:block">
        <a href="/tasks" className={buttonVariants({ size: "large" })}>
          Open your tasks
        </a>
      </p>
      <p className="flex flex-wrap gap-3 known:hidden">
        <a href="/sign-up" className={buttonVariants({ size: "large" })}>
          Create an account
        </a>
        <a href="/sign-in" className={buttonVariants({ size: "large", variant: "outline" })}>
          Sign in
        </a>
      </p>
    </>
  );
}

const LINES = [
  ["Water the plants", "", true, ""],
  ["Answer the letter from the bank", "", true, ""],
  ["Book the train to Lisbon", "Window seat, not before nine", false, ""],
  ["Call Mum on Sunday", "", false, ""],
  ["Renew the passport", "", false, "Not saved yet"],
] as const;

/** The list as it looks: a picture, made of what the real one is made of. */
function Sheet() {
  return (
    <figure className="rotate-1 rounded-2xl border bg-sheet py-2 shadow-[0_1px_2px_rgb(0_0_0/0.06),0_18px_40px_-18px_rgb(0_0_0/0.28)]">
      <figcaption className="sr-only">
        A list: two tasks are ticked off, one is not saved yet and says so.
      </figcaption>
      <ul aria-hidden="true" className="divide-y">
        {LINES.map(([title, description, done, state]) => (
          <li key={title} className="flex items-start gap-3 px-5 py-3">
            <span className={clsx("checkbox mt-0.5", done && "checked")} />
            <span className="flex-1">
              <span
                className={clsx(
                  "block",
                  done && "text-faded line-through decoration-pen/70 decoration-[1.5px]",
                )}
              >
                {title}
              </span>
              {description && <span className="block text-[0.9375rem] text-faded">{description}</span>}
              {state && <span className="rounded bg-marker px-1.5 text-sm text-on-marker">{state}</span>}
            </span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

const REASONS = [
  [
    "Nothing gets lost",
    "Close the tab, lose the network, type faster than the server: every word is kept until it is stored.",
  ],
  ["Nobody else looks in", "Your list is yours. To everyone else it does not exist."],
  [
    "Take anything back",
    "Ticked the wrong one, deleted too much? One key undoes the last thing you did, and the one before.",
  ],
] as const;

function Reasons() {
  return (
    <dl className="mt-20 grid gap-x-10 gap-y-8 border-t pt-10 sm:grid-cols-3">
      {REASONS.map(([title, text]) => (
        <div key={title}>
          <dt className="text-lg font-semibold">{title}</dt>
          <dd className="mt-1.5 text-faded">{text}</dd>
        </div>
      ))}
    </dl>
  );
}
