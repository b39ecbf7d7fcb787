// The typed client of Taskward's API: `createTaskward()`. It needs nothing but a browser's `fetch`, so this file and
// `openapi-types.ts` can be copied into any project.
// The JSON Web Token is kept in localStorage and sent as bearer token. When it has expired, or is refused, it is renewed
// from the session (a cookie) unseen; all calls that wait share one renewal. If that one is refused as well, or there is
// no session any more, the user is signed out.
//
// A create always carries an `Idempotency-Key`, so it may be sent again whatever became of the first answer. A list is
// asked for with the ETag of the one that is here; a change may name the version it was made on.
import type { components, operations } from "./openapi-types";

type Schemas = components["schemas"];
export type Task = Schemas["TaskRead"];
export type TaskCreate = Schemas["TaskCreate"];
export type TaskReplace = Schemas["TaskUpdate"];
export type Problem = Schemas["Problem"];
type ListQuery = NonNullable<operations["listTasks"]["parameters"]["query"]>;
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
  /** How often a call is sent again after 429, or a read or a create after 409, 503 or no answer; 2 by default. */
  retries?: number;
  /** The longest `Retry-After`, in seconds, that is waited for; 10 by default. */
  maxRetryAfter?: number;
  /** Seconds until an answer must have begun; 15 by default. All of it may take four times as long. */
  timeout?: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Lets the request outlive the page. */
  keepalive?: boolean;
  /** Whose call it is: with the token of anybody else it is not sent, and fails with status 401. */
  userId?: string;
}

export interface ChangeOptions extends CallOptions {
  /** Change the task only if it is still this version; otherwise the call fails with status 412. */
  ifMatch?: Pick<Task, "updated_at"> | undefined;
}

/** A list with the tag that names its state. */
export interface Tagged {
  etag: string | null;
  tasks: Task[];
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
    /** Whether the API itself said so; a proxy in front of it answers with a page of its own. */
    readonly isFromAPI = true,
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
  const { baseURL = "", retries = 2, maxRetryAfter = 10, timeout = 15, onSignedOut } = options;
  const token = new Token(options.storage ?? browserStorage(), options.storageKey ?? "taskward.token");
  const send: typeof fetch = (...request) => (options.fetch ?? fetch)(...request);
  let renewal: Promise<string> | null = null;

  async function call(method: string, path: string, body?: unknown, more: Sent = {}): Promise<Answer> {
    const first = token.valid() ?? (await renewed(null));
    let answer = await exchange(method, path, first, body, more);
    if (isRefused(answer)) {
      answer = await exchange(method, path, await renewed(first), body, more);
      if (isRefused(answer)) signOut();
    }
    return accepted(answer);
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
    const init: RequestInit = { method: "GET", credentials: "include", cache: "no-store" };
    const answer = await attempt("/api/auth/token", init, true);
    if (token.generation !== generation)
      return token.valid() ?? Promise.reject(new ApiError(401, SIGNED_OUT));
    if (isRefused(answer)) signOut();
    const { token: fresh } = accepted(answer, (body) => typeof body.token === "string")
      .body as Schemas["Token"];
    token.set(fresh);
    return fresh;
  }

  function exchange(method: string, path: string, bearer: string, body: unknown, more: Sent) {
    if (more.userId !== undefined && claims(bearer).sub !== more.userId)
      throw new ApiError(401, SOMEBODY_ELSE);
    const headers: Record<string, string> = { Accept: "application/json", Authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const init: RequestInit = {
      method,
      headers: { ...headers, ...more.headers },
      credentials: "omit",
      cache: "no-store",
      keepalive: more.keepalive ?? false,
    };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (more.signal) init.signal = more.signal;
    return attempt(path, init, method === "GET" || "Idempotency-Key" in (more.headers ?? {}));
  }

  /** Send a request, again after 429 (nothing was done); after 409, 503 and no answer if it is `repeatable`. */
  async function attempt(path: string, init: RequestInit, repeatable: boolean): Promise<Answer> {
    for (let sent = 1; ; sent += 1) {
      const answer = await reach(path, init).catch((error: unknown) => {
        if (!repeatable || sent > retries || !(error instanceof ApiError)) throw error;
        return null;
      });
      const seconds = answer === null ? sent : retryAfter(answer);
      const again = answer === null || answer.status === 429 || (repeatable && LATER.has(answer.status));
      if (answer && (!again || sent > retries || seconds === null || seconds > maxRetryAfter)) return answer;
      await pause(seconds ?? 0, init.signal);
    }
  }

  /** The whole answer, within the time limit. */
  async function reach(path: string, init: RequestInit): Promise<Answer> {
    const { limited, begun, ended } = limit(init.signal, timeout);
    try {
      const response = await send(baseURL + path, { ...init, signal: limited });
      begun();
      const text = response.status === 304 ? "" : await response.text();
      return { status: response.status, ok: response.ok, headers: response.headers, body: parsed(text) };
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, limited.aborted ? "The server does not answer" : "The server cannot be reached");
    } finally {
      ended();
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
      async list({ status, ...more }: ListOptions = {}): Promise<Task[]> {
        return listIn(await call("GET", listPath(status), undefined, more));
      },
      /** The list with its tag, or null if it still is the one that `etag` names. */
      async listUnless(etag: string | null, { status, ...more }: ListOptions = {}): Promise<Tagged | null> {
        const headers = etag === null ? {} : { "If-None-Match": etag };
        const answer = await call("GET", listPath(status), undefined, { ...more, headers });
        if (answer.status === 304) return null;
        return { etag: answer.headers.get("ETag"), tasks: listIn(answer) };
      },
      /** Creates a task, once for each key: a new one for each call, unless one is given. */
      async create(task: TaskCreate, options: CallOptions & { idempotencyKey?: string } = {}): Promise<Task> {
        const { idempotencyKey = newKey(), ...more } = options;
        const headers = { "Idempotency-Key": idempotencyKey };
        return taskIn(await call("POST", "/api/tasks", task, { ...more, headers }));
      },
      async get(id: number, more?: CallOptions): Promise<Task> {
        return taskIn(await call("GET", `/api/tasks/${id}`, undefined, more));
      },
      async replace(id: number, task: TaskReplace, more?: ChangeOptions): Promise<Task> {
        return taskIn(await call("PUT", `/api/tasks/${id}`, task, conditional(more)));
      },
      /** Makes a pending task completed and a completed one pending. */
      async toggle(id: number, more?: ChangeOptions): Promise<Task> {
        return taskIn(await call("PATCH", `/api/tasks/${id}/complete`, undefined, conditional(more)));
      },
      async remove(id: number, more?: ChangeOptions): Promise<void> {
        await call("DELETE", `/api/tasks/${id}`, undefined, conditional(more));
      },
    },
  };
}

type ListOptions = CallOptions & { status?: TaskStatus };
type Sent = CallOptions & { headers?: Record<string, string> };

/** An answer that has come as a whole; `body` is null where it is no JSON. */
interface Answer {
  status: number;
  ok: boolean;
  headers: Headers;
  body: unknown;
}

function listPath(status: TaskStatus | undefined): string {
  return `/api/tasks${status ? `?status=${status}` : ""}`;
}

/** A task's version is its `updated_at`, which is what its ETag says. */
function conditional({ ifMatch, ...more }: ChangeOptions = {}): Sent {
  return ifMatch === undefined ? more : { ...more, headers: { "If-Match": `"${ifMatch.updated_at}"` } };
}

/** Random enough to be nobody else's; `crypto.randomUUID` is missing on pages without TLS. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** `fetch` with a time limit in seconds, as this client has it, for clients that have none. */
export function fetchWithin(seconds: number): typeof fetch {
  return async (input, init) => {
    const { limited, begun, ended } = limit(init?.signal, seconds);
    try {
      const response = await fetch(input, { ...init, signal: limited });
      begun();
      return response;
    } catch (error) {
      ended();
      throw error;
    }
  };
}

/** A signal that aborts with `outer`, or when no answer has begun (or ended) in time. */
function limit(outer: AbortSignal | null | undefined, seconds: number) {
  const control = new AbortController();
  const stop = () => control.abort();
  if (outer?.aborted) stop();
  outer?.addEventListener("abort", stop, { once: true });
  let timer = setTimeout(stop, seconds * 1000);
  const begun = () => {
    clearTimeout(timer);
    timer = setTimeout(stop, seconds * 4000);
  };
  const ended = () => {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
  };
  return { limited: control.signal, begun, ended };
}

const LATER = new Set([409, 503]);
const SOMEBODY_ELSE = "Somebody else is signed in";
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

/** localStorage, or, where there is none or it is blocked, the memory of this page. */
function browserStorage(): TokenStorage {
  try {
    if (globalThis.localStorage) return globalThis.localStorage;
  } catch {}
  const kept = new Map<string, string>();
  const getItem = (key: string) => kept.get(key) ?? null;
  return { getItem, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Whether the API itself does not know who asks; a proxy that wants a password of its own says nothing of that. */
function isRefused({ status, body }: Answer): boolean {
  return status === 401 && body !== null;
}

const listIn = (answer: Answer) => accepted(answer, Array.isArray).body as Task[];
const taskIn = (answer: Answer) => accepted(answer, ({ id }) => typeof id === "number").body as Task;

/** The answer, if it is a success, and one that the API would give; otherwise the error that it is. */
function accepted(answer: Answer, isOurs: (body: Record<string, unknown>) => boolean = () => true): Answer {
  const { status, headers } = answer;
  if (status === 204 || status === 304) return answer;
  if (answer.ok && answer.body !== null && isOurs(answer.body as Record<string, unknown>)) return answer;
  const body = answer.body as { detail?: unknown; message?: unknown; errors?: unknown } | null;
  const detail = body?.detail ?? body?.message;
  throw new ApiError(
    status,
    typeof detail === "string" ? detail : `The server answered ${status}`,
    Array.isArray(body?.errors) ? body.errors : [],
    retryAfter(answer),
    headers.get("X-Request-ID"),
    body !== null && !answer.ok,
  );
}

/** Seconds, or a date, in `Retry-After`; Better Auth's rate limit says `X-Retry-After`. */
function retryAfter(response: Answer): number | null {
  const value = response.headers.get("Retry-After") ?? response.headers.get("X-Retry-After");
  if (value === null || value === "") return null;
  // A date is one of the server's clock, and so is `Date`; this computer's may be wrong.
  const now = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
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
