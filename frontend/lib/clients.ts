// The page's own client of the tasks, and what is said of failures of Better Auth's.
import { createTaskward } from "./api";
import { API_URL } from "./api-url";
import { tokenStorage } from "./storage";

/** Until an answer must have begun. */
export const SECONDS = 15;

export const taskward = createTaskward({
  baseURL: API_URL,
  timeout: SECONDS,
  retries: 0, // the outbox and the list have a patience of their own
  storage: tokenStorage,
  onSignedOut: () => signedOut(),
});

let signedOut = () => {};

/** Call `then` when the server says that nobody is signed in any more. */
export function whenSignedOut(then: () => void): void {
  signedOut = then;
}

export interface AuthFailure {
  status: number;
  code?: string | undefined;
  message?: string | undefined;
}

interface Outcome<T> {
  data: T | null;
  error: AuthFailure | null;
}

/** What a call of Better Auth's client came to; it throws where there is no answer. */
export async function outcomeOf<T>(call: Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await call;
  } catch {
    return { data: null, error: { status: 0 } };
  }
}

/** What to tell people of an error of Better Auth's client. */
export function failureOf(error: AuthFailure): string {
  if (error.code === "INVALID_ORIGIN") return UNTRUSTED;
  if (error.status === 429) return "Too many attempts. Wait a little, then try again.";
  if (error.status === 0 || error.status >= 500)
    return "The server cannot be reached. Try again in a moment.";
  return error.message ?? "Something went wrong. Try again.";
}

const UNTRUSTED =
  "The server does not trust the address at which this page was opened. Open it at the server's own address " +
  "(BETTER_AUTH_URL), or name this one in BETTER_AUTH_TRUSTED_ORIGINS.";
