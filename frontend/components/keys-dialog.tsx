"use client";

import { useEffect, useState } from "react";
import { onPlainKey } from "@/lib/keys";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";

const KEYS = [
  [
    "Anywhere",
    [
      ["/", "Search"],
      ["Ctrl Z", "Undo what was done last"],
      ["?", "These keys"],
    ],
  ],
  [
    "With the focus on a task",
    [
      ["↑ ↓", "The task above, below"],
      ["Home End", "The first, the last"],
      ["Space", "Complete, or reopen"],
      ["Enter", "Edit"],
      ["Delete", "Delete"],
    ],
  ],
  [
    "While writing",
    [
      ["Enter", "Add, or save"],
      ["Ctrl Enter", "Save from the description"],
      ["Esc", "Put an edit away"],
    ],
  ],
] as const;

/** What the keys do; on a touch screen there are none. */
export function KeysDialog() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => onPlainKey("?", () => setOpen(true)), []);
  return (
    <>
      <Button
        variant="ghost"
        size="small"
        className="-mr-3 ml-auto pointer-coarse:hidden"
        aria-keyshortcuts="?"
        onClick={() => setOpen(true)}
      >
        Keys <Key name="?" />
      </Button>
      {isOpen && (
        <Dialog aria-labelledby="keys" onClose={() => setOpen(false)}>
          <h2 id="keys" className="text-lg font-semibold">
            Keys
          </h2>
          {KEYS.map(([where, keys]) => (
            <section key={where} className="mt-4">
              <h3 className="text-sm text-faded">{where}</h3>
              <dl className="mt-1 divide-y">
                {keys.map(([names, does]) => (
                  <div key={names} className="flex items-center justify-between gap-4 py-1.5">
                    <dt className="order-last flex gap-1">
                      {names.split(" ").map((name) => (
                        <Key key={name} name={name} />
                      ))}
                    </dt>
                    <dd>{does}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
          <form method="dialog" className="mt-5 flex justify-end">
            <Button type="submit" variant="outline" size="small">
              Close
            </Button>
          </form>
        </Dialog>
      )}
    </>
  );
}

function Key({ name }: { name: string }) {
  return (
    <kbd className="min-w-6 rounded border border-b-2 bg-sheet px-1.5 text-center font-sans text-sm text-ink">
      {name}
    </kbd>
  );
}
