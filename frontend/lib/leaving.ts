// How somebody leaves: what waits is sent, and nothing of theirs stays to be seen.
import { failureOf, taskward } from "./clients";
import { forgetFacts } from "./facts";
import { endSession } from "./session";
import { forgetStores, storeOf } from "./stores";
import { clearToasts } from "./toasts";
import { forgetDone } from "./undo";

const FINISH_SECONDS = 5;

/** Send what waits; how many changes could not be sent, or need a decision. They are kept in this browser. */
export async function finishWork(): Promise<number> {
  const userId = taskward.token.userId();
  return userId === null ? 0 : storeOf(userId).finish(FINISH_SECONDS);
}

/** End the session, here and in every other tab; returns a sentence if that failed. */
export async function signOut(): Promise<string | null> {
  wished = true;
  const error = await endSession();
  if (error) {
    wished = false;
    return failureOf(error);
  }
  await forgetPerson();
  return null;
}

let wished = false;

/** Whether somebody has just signed out here: otherwise the session has ended by itself. */
export function hasWishedToLeave(): boolean {
  const had = wished;
  wished = false;
  return had;
}

/** Nothing private is in the page any more, nor in this browser but what waits for the same person. */
export async function forgetPerson(): Promise<void> {
  taskward.token.clear();
  clearToasts();
  forgetDone();
  forgetStores();
  await forgetFacts();
}
