// What a browser does between a page and a server on another origin: it keeps cookies, sends them
// back, and names the page's origin. The client under test is left as it is; only its fetch is this.
import { opened, preflight } from "./cors.mjs";

function keep(cookies, line) {
  const [pair, ...attributes] = line.split(";").map((part) => part.trim());
  const name = pair.slice(0, pair.indexOf("="));
  const expired = attributes.some((attribute) => /^max-age=0$/i.test(attribute));
  if (expired) cookies.delete(name);
  else cookies.set(name, pair.slice(name.length + 1));
}

function cookieHeader(cookies) {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
}

export function browser(origin, { cors, fetch = globalThis.fetch }) {
  const cookies = new Map();
  const seen = { setCookie: [], text: "" };

  async function browserFetch(input, init = {}) {
    const headers = new Headers(init.headers ?? input.headers);
    if (cors) await preflight(input, init.method ?? "GET", headers, origin);
    headers.set("origin", origin);
    if (cookies.size > 0) headers.set("cookie", cookieHeader(cookies));
    const response = await fetch(input, { ...init, headers });
    seen.setCookie = response.headers.getSetCookie();
    seen.text = await response.clone().text();
    for (const line of seen.setCookie) keep(cookies, line);
    return cors ? opened(response, origin) : response;
  }

  return { fetch: browserFetch, cookies, seen };
}
