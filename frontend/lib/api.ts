// The typed client of Taskward's API: `createTaskward()`. It needs nothing but a browser's `fetch`, so this
// file and `openapi-types.ts` can be copied into any project.
//
// The JSON Web Token is kept in localStorage and sent as bearer token. When it has expired, or is refused, it
// is renewed from the session (a cookie) unseen; all calls that wait for that share one renewal. If the
// renewed token is refused as well, or there is no session any more, the user is signed out.
import type { components, operations } from "./openapi-types";

type Schemas = components["schemas"];
export type Task = Schemas["TaskRead"];
export type TaskCreate = Schemas["TaskCreate"];
export type TaskReplace = Schemas["TaskReplace"];
export type Problem = Schemas["Problem"];
type ListQuery = NonNullable<operations["list_tasks_api_tasks_get"]["parameters"]["query"]>;
export type TaskStatus = NonNullable<ListQuery["status"]>;
export type TokenStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface TaskwardOptions {
  /** The server's origin, such as `https://api.example.com`; by default the page's own. */
  baseURL?: string;
  /** Where the token is kept; by default localStorage. */
  storage?: TokenStorage;
  storageKey?: string;
  fetch?: typeof fetch;
  /** Called when there is no session any more. */
  onSignedOut?: () => void;
  /** How often a call is sent again after 429, or a read after 503; 2 by default. */
  retries?: number;
  /** The longest `Retry-After`, in seconds, that is waited for; 10 by default. */
  maxRetryAfter?: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Lets the request outlive the page. */
  keepalive?: boolean;
}

/** An answer that is no success; `status` is 0 where there was no answer at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    /** A sentence for people. */
    readonly detail: string,
    readonly errors: readonly Problem[] = [],
    /** Seconds after which to try again, where the server says so. */
    readonly retryAfter: number | null = null,
    readonly requestId: string | null = null,
  ) {
    super(detail);
  }

  /** The first problem of each field, by the field's name. */
  get fields(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { loc, msg } of this.errors) found[String(loc.at(-1))] ??= msg;
    return found;
  }

  get isUnreachable(): boolean {
    return this.status === 0;
  }
}

export type Taskward = ReturnType<typeof createTaskward>;

export function createTaskward(options: TaskwardOptions = {}) {
  const { baseURL = "", retries = 2, maxRetryAfter = 10, onSignedOut } = options;
  const token = new Token(options.storage ?? browserStorage(), options.storageKey ?? "taskward.token");
  const send: typeof fetch = (...request) => (options.fetch ?? fetch)(...request);
  let renewal: Promise<string> | null = null;

  async function call<T>(method: string, path: string, body?: unknown, more: CallOptions = {}): Promise<T> {
    const first = token.valid() ?? (await renewed(null));
    let response = await exchange(method, path, first, body, more);
    if (response.status === 401) {
      response = await exchange(method, path, await renewed(first), body, more);
      if (response.status === 401) signOut();
    }
    return read<T>(response);
  }

  /** A token other than the `refused` one; whoever asks while one is being fetched gets that one. */
  function renewed(refused: string | null): Promise<string> {
    const current = token.valid();
    if (current !== null && current !== refused) return Promise.resolve(current);
    renewal ??= renew().finally(() => {
      renewal = null;
    });
    return renewal;
  }

  async function renew(): Promise<string> {
    const { generation } = token;
    const response = await attempt("GET", "/api/auth/token", { credentials: "include", cache: "no-store" });
    if (token.generation !== generation)
      return token.valid() ?? Promise.reject(new ApiError(401, SIGNED_OUT));
    if (response.status === 401) signOut();
    const answer = await read<Schemas["Token"]>(response);
    token.set(answer.token);
    return answer.token;
  }

  function exchange(method: string, path: string, bearer: string, body: unknown, more: CallOptions) {
    const headers: Record<string, string> = { Accept: "application/json", Authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const init: RequestInit = { method, headers, credentials: "omit", keepalive: more.keepalive ?? false };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (more.signal) init.signal = more.signal;
    return attempt(method, path, init);
  }

  /** Send a request, again after 429 (nothing was done), and a read also after 503. */
  async function attempt(method: string, path: string, init: RequestInit): Promise<Response> {
    for (let sent = 1; ; sent += 1) {
      const response = await reach(path, init);
      const again = response.status === 429 || (response.status === 503 && method === "GET");
      const seconds = retryAfter(response);
      if (!again || sent > retries || seconds === null || seconds > maxRetryAfter) return response;
      await pause(seconds, init.signal);
    }
  }

  async function reach(path: string, init: RequestInit): Promise<Response> {
    try {
      return await send(baseURL + path, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, "The server cannot be reached");
    }
  }

  function signOut(): void {
    token.clear();
    onSignedOut?.();
  }

  return {
    /** The JSON Web Token: set it after signing in, clear it after signing out. */
    token,
    tasks: {
      list: ({ status, ...more }: CallOptions & { status?: TaskStatus } = {}) =>
        call<Task[]>("GET", `/api/tasks${status ? `?status=${status}` : ""}`, undefined, more),
      create: (task: TaskCreate, more?: CallOptions) => call<Task>("POST", "/api/tasks", task, more),
      get: (id: number, more?: CallOptions) => call<Task>("GET", `/api/tasks/${id}`, undefined, more),
      replace: (id: number, task: TaskReplace, more?: CallOptions) =>
        call<Task>("PUT", `/api/tasks/${id}`, task, more),
      /** Makes a pending task completed and a completed one pending. */
      toggle: (id: number, more?: CallOptions) =>
        call<Task>("PATCH", `/api/tasks/${id}/complete`, undefined, more),
      remove: (id: number, more?: CallOptions) => call<void>("DELETE", `/api/tasks/${id}`, undefined, more),
    },
  };
}

const SIGNED_OUT = "You are signed out";
const EARLY_SECONDS = 5;

/** The token in its storage, with the time at which this computer's clock says that it has expired. */
class Token {
  /** Grows each time the token is set or cleared here. */
  generation = 0;
  private seen = { token: "", until: 0 };

  constructor(
    private readonly storage: TokenStorage,
    /** The name under which the storage holds it. */
    readonly key: string,
  ) {}

  get(): string | null {
    return this.storage.getItem(this.key);
  }

  set(token: string): void {
    this.generation += 1;
    const { exp = 0, iat = 0 } = claims(token);
    // How long a fresh token lives does not depend on whether this computer's clock is right.
    this.seen = { token, until: Date.now() / 1000 + (exp - iat) };
    this.storage.setItem(this.key, token);
  }

  clear(): void {
    this.generation += 1;
    this.storage.removeItem(this.key);
  }

  /** The token, unless it has expired. */
  valid(): string | null {
    const token = this.get();
    if (token === null) return null;
    const until = token === this.seen.token ? this.seen.until : (claims(token).exp ?? 0);
    return until - EARLY_SECONDS > Date.now() / 1000 ? token : null;
  }

  /** Whose token it is, expired or not. */
  userId(): string | null {
    const token = this.get();
    return token === null ? null : (claims(token).sub ?? null);
  }
}

function claims(token: string): { sub?: string; exp?: number; iat?: number } {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload));
  } catch {
    return {};
  }
}

function browserStorage(): TokenStorage {
  if (typeof localStorage !== "undefined") return localStorage;
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

async function read<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body as T;
  const detail = body?.detail ?? body?.message;
  throw new ApiError(
    response.status,
    typeof detail === "string" ? detail : `The server answered ${response.status}`,
    Array.isArray(body?.errors) ? body.errors : [],
    retryAfter(response),
    response.headers.get("X-Request-ID"),
  );
}

/** Seconds, or a date, in `Retry-After`; Better Auth's rate limit says `X-Retry-After`. */
function retryAfter(response: Response): number | null {
  const value = response.headers.get("Retry-After") ?? response.headers.get("X-Retry-After");
  if (value === null || value === "") return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}

function pause(seconds: number, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
