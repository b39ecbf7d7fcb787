// The page's two clients: Better Auth's for who one is, Taskward's for the tasks.
import { createAuthClient } from "better-auth/react";
import { createTaskward } from "./api";

/** Where the API is: the page's own origin, unless the page is served from elsewhere (`npm run dev`). */
export const API_URL = process.env.NEXT_PUBLIC_API_URL ?? "";

const BRINGS_A_TOKEN = /\/sign-(in|up)\/email$/;

export const taskward = createTaskward({
  baseURL: API_URL,
  onSignedOut: () => authClient.$store.notify("$sessionSignal"),
});

export const authClient = createAuthClient({
  ...(API_URL ? { baseURL: API_URL } : {}),
  fetchOptions: {
    onSuccess({ request, response }) {
      const token = response.headers.get("set-auth-jwt");
      if (token && BRINGS_A_TOKEN.test(new URL(request.url).pathname)) taskward.token.set(token);
    },
  },
});

/** End the session, here and in every other tab; returns a sentence if that failed. */
export async function signOut(): Promise<string | null> {
  const { error } = await authClient.signOut();
  if (error) return failureOf(error);
  taskward.token.clear();
  return null;
}

/** What to tell people of an error of Better Auth's client. */
export function failureOf(error: {
  status: number;
  code?: string | undefined;
  message?: string | undefined;
}): string {
  if (error.code === "INVALID_ORIGIN") return UNTRUSTED;
  if (error.status === 429) return "Too many attempts. Wait a little, then try again.";
  if (error.status === 0 || error.status >= 500)
    return "The server cannot be reached. Try again in a moment.";
  return error.message ?? "Something went wrong. Try again.";
}

const UNTRUSTED =
  "The server does not trust the address at which this page was opened. Open it at the server's own address " +
  "(BETTER_AUTH_URL; localhost and 127.0.0.1 are two), or name this one in BETTER_AUTH_TRUSTED_ORIGINS.";

/** Before calling for a user: a token that is somebody else's is not used. */
export function actAs(userId: string): void {
  const owner = taskward.token.userId();
  if (owner === null || owner === userId) return;
  taskward.token.clear();
  authClient.$store.notify("$sessionSignal");
}

/** When another tab signs out, or in as somebody else, this one asks who is signed in now. */
export function noticeOtherTabs(): () => void {
  let owner = taskward.token.userId();
  const notice = ({ key }: StorageEvent) => {
    if (key !== taskward.token.key || taskward.token.userId() === owner) return;
    owner = taskward.token.userId();
    authClient.$store.notify("$sessionSignal");
  };
  window.addEventListener("storage", notice);
  return () => window.removeEventListener("storage", notice);
}
