// Better Auth's own client, for the pages on which somebody signs in or up, or changes the account.
import { createAuthClient } from "better-auth/client";
import { fetchWithin } from "./api";
import { API_URL } from "./api-url";
import { failureOf, SECONDS, taskward } from "./clients";
import { type Problems, WHOLE } from "./forms";
import { lookAtSession } from "./session";

const BRINGS_A_TOKEN = /\/sign-(?:in|up)\/email$/;

export const authClient = createAuthClient({
  ...(API_URL ? { baseURL: API_URL } : {}),
  fetchOptions: {
    customFetchImpl: fetchWithin(SECONDS),
    onSuccess({ request, response }) {
      const token = response.headers.get("set-auth-jwt");
      if (token && BRINGS_A_TOKEN.test(new URL(request.url).pathname)) taskward.token.set(token);
    },
  },
});

/** What goes along with a sign-in or sign-up that an app has asked for: the server then goes on with the app. */
export function carriedOn(query: string | null): { oauth_query?: string } {
  return query === null ? {} : { oauth_query: query };
}

/** After signing in or up: whoever did it is in, or what stands in the way. */
export async function entered(query: string | null): Promise<Problems | null> {
  // The client has gone where the answer said: to what the app asks for.
  if (query !== null) return null;
  const { data, error } = await lookAtSession();
  if (data) return null;
  return { [WHOLE]: error ? failureOf(error) : NO_COOKIES };
}

const NO_COOKIES =
  "This browser keeps no cookies for this page, so you cannot stay signed in. Allow them for this address, then try again.";
