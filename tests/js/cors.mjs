// The part of a browser that stands between a page and a server on another origin: it asks before
// it sends, and it hides answers and headers that the server does not open to the page.

const READABLE = ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"];
const SIMPLE_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

function names(header) {
  return (header ?? "").toLowerCase().split(",").map((name) => name.trim()).filter(Boolean);
}

function refuseUnless(fine, what) {
  if (!fine) throw new TypeError(`blocked by CORS: ${what}`);
}

function checkOpen(response, origin) {
  const allowed = response.headers.get("access-control-allow-origin");
  refuseUnless(allowed === origin, `Access-Control-Allow-Origin is ${allowed}, the page is ${origin}`);
  refuseUnless(response.headers.get("access-control-allow-credentials") === "true", "no credentials");
}

function toAskFor(headers) {
  const type = (headers.get("content-type") ?? "").split(";")[0];
  const simple = ["accept", "accept-language", "content-language"];
  if (SIMPLE_TYPES.includes(type)) simple.push("content-type");
  return [...headers.keys()].filter((name) => !simple.includes(name) && name !== "cookie" && name !== "origin");
}

export async function preflight(url, method, headers, origin) {
  const asked = toAskFor(headers);
  if (["GET", "HEAD", "POST"].includes(method) && asked.length === 0) return;
  const ask = { origin, "access-control-request-method": method };
  if (asked.length > 0) ask["access-control-request-headers"] = asked.sort().join(",");
  const answer = await fetch(url, { method: "OPTIONS", headers: ask });
  refuseUnless(answer.ok, `the preflight was answered with ${answer.status}`);
  checkOpen(answer, origin);
  const methods = names(answer.headers.get("access-control-allow-methods"));
  refuseUnless(["get", "head", "post", ...methods].includes(method.toLowerCase()), `${method} is not allowed`);
  const allowed = names(answer.headers.get("access-control-allow-headers"));
  for (const name of asked) refuseUnless(allowed.includes(name), `the header ${name} is not allowed`);
}

// The answer as the page may see it.
export async function opened(response, origin) {
  checkOpen(response, origin);
  const readable = [...READABLE, ...names(response.headers.get("access-control-expose-headers"))];
  const headers = [...response.headers].filter(([name]) => readable.includes(name));
  const { status, statusText } = response;
  const body = [204, 304].includes(status) ? null : await response.arrayBuffer();
  return new Response(body, { status, statusText, headers });
}
