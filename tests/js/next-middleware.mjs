// A middleware as a Next.js application writes it, asked with Next's own requests.
//
// The last argument is JSON: {next, secret, strategy, requests: [{path, cookie}]}, where `next` is the file of
// a package that has Next among its modules. Prints a list of what the middleware answered to each.
import { createRequire } from "node:module";
import { getCookieCache, getSessionCookie } from "better-auth/cookies";

const { next, secret, strategy, requests } = JSON.parse(process.argv.at(-1));
const { NextRequest, NextResponse } = createRequire(next)("next/server");

async function middleware(request) {
  if (!getSessionCookie(request)) return NextResponse.redirect(new URL("/sign-in", request.url));
  const session = await getCookieCache(request, { secret, strategy, isSecure: false });
  if (session === null) return NextResponse.redirect(new URL("/reload", request.url));
  const headers = new Headers(request.headers);
  headers.set("x-user", session.user.name);
  return NextResponse.next({ request: { headers } });
}

function told(answer) {
  const passes = answer.headers.get("x-middleware-next") === "1";
  return passes
    ? { passes, user: answer.headers.get("x-middleware-request-x-user") }
    : { passes, to: new URL(answer.headers.get("location")).pathname };
}

const answers = [];
for (const { path, cookie } of requests) {
  const request = new NextRequest(`http://localhost:3000${path}`, { headers: cookie ? { cookie } : {} });
  answers.push(told(await middleware(request)));
}
console.log(JSON.stringify(answers));
