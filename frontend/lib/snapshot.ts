import type { ApiError } from "./api";
import type { Draft } from "./drafts";
import type { ShownTask } from "./shown";

/** What there is to be seen of a user's tasks at one moment. */
export interface Snapshot {
  tasks: readonly ShownTask[];
  /** Whether the list is known at all. */
  isLoaded: boolean;
  /** Why the list could not be asked for the last time. */
  error: ApiError | null;
  drafts: readonly Draft[];
  /** How many changes wait for the server, for longer than one would expect. */
  waiting: number;
  /** Whether something that was written is lost when the page is closed, because the browser does not keep it. */
  isFleeting: boolean;
}

export const NOTHING: Snapshot = {
  tasks: [],
  isLoaded: false,
  error: null,
  drafts: [],
  waiting: 0,
  isFleeting: false,
};
