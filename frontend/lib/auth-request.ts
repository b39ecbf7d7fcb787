// Requests of the Better Auth server for which its client is not needed.
import { fetchWithin } from "./api";
import { API_URL } from "./api-url";
import { type AuthFailure, SECONDS } from "./clients";

export interface Answer<T> {
  data: T | null;
  error: AuthFailure | null;
}

const send = fetchWithin(SECONDS);

/** GET, or POST with a body. What is no JSON is a proxy's answer, and no success. */
export async function askAuth<T>(path: string, body?: object): Promise<Answer<T>> {
  const init: RequestInit = { credentials: "include", cache: "no-store" };
  if (body)
    Object.assign(init, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  try {
    const response = await send(API_URL + path, init);
    const said = await response.json().catch(() => null);
    if (response.ok && said !== null) return { data: said as T, error: null };
    const status = response.ok ? 0 : response.status;
    return { data: null, error: { status, code: said?.error ?? said?.code } };
  } catch {
    return { data: null, error: { status: 0 } };
  }
}
