// What apps (assistants) ask of the authorization server, as the pages of this browser see it.
import { useSyncExternalStore } from "react";
import { type Answer, askAuth } from "./auth-request";
import { failureOf } from "./clients";

export interface ConnectedApp {
  id: string;
  clientId: string;
  scopes: string[];
  createdAt: string;
  name: string;
}

const NEVER_CHANGES = () => () => {};
const OF_THE_SIGNATURE = ["exp", "ba_iat", "ba_param", "sig"];
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

const WORDS: Record<string, string> = {
  "tasks:read": "see your tasks",
  "tasks:write": "add, change and delete your tasks",
  offline_access: "stay connected for 30 days",
  openid: "know that it is you",
  profile: "see your name and picture",
  email: "see your e-mail address",
};

/** What an app may do with a scope, in words. */
export function wordsFor(scope: string): string {
  return WORDS[scope] ?? scope;
}

/** The part of the address that the server has signed, if this page was opened for an app; null if not. */
export function useSignedQuery(): string | null {
  const search = useSyncExternalStore(
    NEVER_CHANGES,
    () => window.location.search,
    () => "",
  );
  return signedPart(search);
}

/** Other parameters, which somebody has added on the way, are none of the server's. */
export function signedPart(search: string): string | null {
  const given = new URLSearchParams(search);
  if (!given.has("sig")) return null;
  const signed = new Set([...given.getAll("ba_param"), ...OF_THE_SIGNATURE]);
  return new URLSearchParams([...given].filter(([name]) => signed.has(name))).toString();
}

/** Where an app gets its answer, in words for people, and whether that is a place they know. */
export function destinationOf(redirectURI: string): { name: string; isHere: boolean } {
  const url = urlOf(redirectURI);
  if (!url) return { name: redirectURI, isHere: false };
  if (!/^https?:$/.test(url.protocol)) return { name: url.protocol, isHere: true };
  return { name: url.host, isHere: LOOPBACK.includes(url.hostname) };
}

/** The document in which an app describes itself, where its id is the address of one. */
export function hostOf(clientId: string): string | null {
  return clientId.startsWith("https://") ? (urlOf(clientId)?.host ?? null) : null;
}

function urlOf(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

const ask = <T>(path: string, body?: object) => askAuth<T>(`/api/auth/oauth2/${path}`, body);

/** Go where an answer says, if it says so: on with the app for which somebody has signed in. */
export function followed(answer: object): boolean {
  const { redirect, url } = answer as { redirect?: unknown; url?: unknown };
  if (redirect !== true || typeof url !== "string") return false;
  window.location.assign(url);
  return true;
}

/** The name that an app has given itself; null if the server knows no such app. */
export async function nameOfApp(clientId: string): Promise<Answer<string>> {
  const { data, error } = await ask<{ client_name?: string }>(
    `public-client?client_id=${encodeURIComponent(clientId)}`,
  );
  return { data: data && (data.client_name ?? clientId), error };
}

/** Allow or deny what an app asks for; where the browser goes then. */
export async function decide(query: string, accept: boolean): Promise<Answer<string>> {
  const { data, error } = await ask<{ url?: string }>("consent", { accept, oauth_query: query });
  return { data: data?.url ?? null, error };
}

/** The apps that are connected; null where the server has no such thing. */
export async function connectedApps(): Promise<Answer<ConnectedApp[]>> {
  const { data, error } = await ask<Omit<ConnectedApp, "name">[]>("get-consents");
  if (!data) return { data: null, error: error?.status === 404 ? null : error };
  const named = data.map(async (app) => ({
    ...app,
    name: (await nameOfApp(app.clientId)).data ?? app.clientId,
  }));
  return { data: await Promise.all(named), error: null };
}

/** End what an app may do. */
export async function disconnect(id: string): Promise<string | null> {
  const { error } = await ask("delete-consent", { id });
  return error && failureOf(error);
}
