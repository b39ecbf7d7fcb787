// What the server offers beyond passwords, and the calls of it, typed by the API's description.
import { type Answer, askAuth } from "./auth-request";
import type { components, paths } from "./openapi-plugin-types";

export type Passkey = components["schemas"]["Passkey"];

type JSONOf<T> = T extends { content: { "application/json": infer Content } } ? Content : never;
type Said<P extends keyof paths, M extends "get" | "post"> =
  paths[P] extends Record<M, { responses: { 200: infer Answer } }> ? JSONOf<Answer> : never;
type Sent<P extends keyof paths> =
  paths[P] extends Record<"post", { requestBody: infer Body }> ? JSONOf<Body> : never;

export function post<P extends keyof paths>(path: P, body: Sent<P>): Promise<Answer<Said<P, "post">>> {
  return askAuth(path, body as object);
}

export function get<P extends keyof paths>(path: P): Promise<Answer<Said<P, "get">>> {
  return askAuth(path);
}
