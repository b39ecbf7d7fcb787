import type { TaskStatus } from "@/lib/api";
import { Button } from "./ui/button";

const EMPTY: Record<TaskStatus, readonly [string, string]> = {
  all: [
    "Nothing to do yet",
    "Write down the first thing that comes to mind and press Enter. Paste several lines, and each becomes a task.",
  ],
  pending: ["All done", "Nothing is waiting for you. What comes next goes into the field above."],
  completed: ["Nothing completed yet", "What you tick off gathers here, until you clear it."],
};

interface EmptyListProps {
  filter: TaskStatus;
  search: string;
  onClear: () => void;
}

export function EmptyList({ filter, search, onClear }: EmptyListProps) {
  const [title, text] = search ? ["Nothing found", `No task here has “${search}” in it.`] : EMPTY[filter];
  return (
    <div className="flex flex-col items-center rounded-xl border border-dashed border-edge/50 px-6 py-14 text-center">
      <Ruled />
      <p className="mt-5 text-lg font-semibold">{title}</p>
      <p className="mt-1 max-w-sm text-balance wrap-anywhere text-faded">{text}</p>
      {search && (
        <Button variant="outline" size="small" className="mt-4" onClick={onClear}>
          Clear the search
        </Button>
      )}
    </div>
  );
}

/** A ruled sheet with one tick. */
function Ruled() {
  return (
    <svg viewBox="0 0 96 64" width={96} height={64} fill="none" aria-hidden="true" className="text-edge">
      <path
        d="M36 14h52M36 32h40M36 50h46"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        opacity=".5"
      />
      <path
        d="M10 26h12v12H10zM10 44h12v12H10z"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinejoin="round"
        opacity=".6"
      />
      <path
        d="M8 12c3 2 5 4 6.5 8C18 11 23 6 30 2"
        className="stroke-pen"
        strokeWidth="3.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
