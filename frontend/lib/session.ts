// Who is signed in, as the server last said. One request and one store of our own: Better Auth's client, which the
// pages that sign in and change accounts use, is a tenth of what the list would load before it can be seen.
import { useSyncExternalStore } from "react";
import { fetchWithin } from "./api";
import { API_URL } from "./api-url";
import { type AuthFailure, SECONDS, taskward, whenSignedOut } from "./clients";
import type { components } from "./openapi-types";

export type SignedInUser = components["schemas"]["SessionAndUser"];

export interface SessionState {
  /** Undefined as long as nobody knows, null if nobody is signed in. */
  data: SignedInUser | null | undefined;
  isAsking: boolean;
  /** Why it could not be asked for the last time. */
  error: AuthFailure | null;
}

const RETRY_SECONDS = 3;
const REST_SECONDS = 5;
const UNKNOWN: SessionState = { data: undefined, isAsking: false, error: null };

const send = fetchWithin(SECONDS);
const listeners = new Set<() => void>();
let state = UNKNOWN;
let asked = 0;
let askedAt = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;
let unwatch = () => {};

whenSignedOut(() => void lookAtSession());

/** Ask who is signed in; of several answers the one to the last question counts. */
export async function lookAtSession(): Promise<SessionState> {
  asked += 1;
  const question = asked;
  askedAt = performance.now();
  clearTimeout(timer);
  publish({ isAsking: true });
  const answer = await ask("GET", "get-session").catch(() => null);
  if (question !== asked) return state;
  const data = answer?.ok ? sessionIn(answer.body) : undefined;
  if (data === undefined) failed(answer);
  else succeeded(data, answer?.token ?? null);
  return state;
}

/** End the session; what went wrong, if anything. */
export async function endSession(): Promise<AuthFailure | null> {
  const answer = await ask("POST", "sign-out").catch(() => null);
  // A proxy that says yes to everything has not ended anything.
  if (!answer?.ok || answer.body === null) return { status: answer?.ok ? 0 : (answer?.status ?? 0) };
  asked += 1;
  publish({ data: null, isAsking: false, error: null });
  return null;
}

interface Answer {
  status: number;
  ok: boolean;
  /** Undefined where it is no JSON: then it is a proxy's. */
  body: unknown;
  token: string | null;
  retryAfter: number;
}

async function ask(method: string, path: string): Promise<Answer> {
  const init: RequestInit = { method, credentials: "include", cache: "no-store" };
  if (method === "POST") Object.assign(init, { headers: { "Content-Type": "application/json" }, body: "{}" });
  const response = await send(`${API_URL}/api/auth/${path}`, init);
  const { status, ok, headers } = response;
  const body = await response.json().catch(() => undefined);
  const retryAfter = Number(headers.get("Retry-After") ?? headers.get("X-Retry-After")) || 0;
  return { status, ok, body, token: headers.get("set-auth-jwt"), retryAfter };
}

function sessionIn(body: unknown): SignedInUser | null | undefined {
  if (body === null) return null;
  const found = body as Partial<SignedInUser> | undefined;
  return found?.user?.id && found.session?.id ? (found as SignedInUser) : undefined;
}

function succeeded(data: SignedInUser | null, token: string | null): void {
  if (token !== null) taskward.token.set(token);
  // What is the same stays the same object: nothing is drawn anew.
  const isSame = JSON.stringify(data) === JSON.stringify(state.data);
  publish({ data: isSame ? state.data : data, isAsking: false, error: null });
}

function failed(answer: Answer | null): void {
  const status = answer?.ok ? 0 : (answer?.status ?? 0);
  publish({ isAsking: false, error: { status } });
  if (listeners.size === 0) return;
  timer = setTimeout(() => void lookAtSession(), 1000 * Math.max(RETRY_SECONDS, answer?.retryAfter ?? 0));
}

function publish(change: Partial<SessionState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

/** Look again when somebody comes back, when the network does, and when another tab signs out or in. */
function watch(): () => void {
  let owner = taskward.token.userId();
  const again = () => {
    if (!document.hidden && performance.now() - askedAt > 1000 * REST_SECONDS) void lookAtSession();
  };
  const notice = ({ key }: StorageEvent) => {
    if ((key !== null && key !== taskward.token.key) || taskward.token.userId() === owner) return;
    owner = taskward.token.userId();
    void lookAtSession();
  };
  document.addEventListener("visibilitychange", again);
  window.addEventListener("online", again);
  window.addEventListener("storage", notice);
  return () => {
    document.removeEventListener("visibilitychange", again);
    window.removeEventListener("online", again);
    window.removeEventListener("storage", notice);
    clearTimeout(timer);
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    unwatch = watch();
    if (state.data === undefined || state.error) void lookAtSession();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) unwatch();
  };
}

export function useSession(): SessionState {
  return useSyncExternalStore(
    subscribe,
    () => state,
    () => UNKNOWN,
  );
}
