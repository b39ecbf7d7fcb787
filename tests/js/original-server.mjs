// The original Better Auth, as the judge of ours.
//
// Environment: PORT, DATABASE_URL, BETTER_AUTH_SECRET, and, if they differ from the defaults,
// BETTER_AUTH_URL and BETTER_AUTH_TRUSTED_ORIGINS (comma-separated).
// SOCIAL is JSON: {social, generic, account}, the options of the same names (generic: its `config`).
// MAIL is JSON, {hooks, changeEmail, requireEmailVerification, …}: see conformance/mail.py. With hooks
// `GET /mails/<text>` hands out what would have been mailed since the last time and mentions <text>.
// Prints {"url": …} when it is ready; ends on SIGTERM, or when its standard input closes.
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, genericOAuth, jwt } from "better-auth/plugins";
import pg from "pg";

const HOST = "127.0.0.1";
const port = Number(process.env.PORT);
const url = `http://${HOST}:${port}`;

// node-postgres reads "prefer" as "verify-full"; on the tests' own socket it means: no TLS.
const connectionString = process.env.DATABASE_URL.replace(/([?&])sslmode=(prefer|allow)&?/, "$1");
const pool = new pg.Pool({ connectionString, max: 10 });

function list(text) {
  return (text ?? "").split(",").map((part) => part.trim()).filter(Boolean);
}

const { social, generic, account } = JSON.parse(process.env.SOCIAL || "{}");

const mail = JSON.parse(process.env.MAIL || "{}");
const mails = [];

function about(kind, user) {
  return { kind, id: user.id, to: user.email, name: user.name, verified: user.emailVerified };
}

function collect(kind) {
  if (!mail.hooks) return undefined;
  return async ({ user, newEmail, url, token }) => {
    mails.push({ ...about(kind, user), ...(newEmail && { newEmail }), url, token });
  };
}

function handOutMails(request, response) {
  const text = request.url.slice("/mails/".length);
  const taken = mails.filter((each) => JSON.stringify(each).includes(text));
  for (const each of taken) mails.splice(mails.indexOf(each), 1);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ mails: taken, token: taken.at(-1)?.token ?? null }));
}

const auth = betterAuth({
  baseURL: process.env.BETTER_AUTH_URL || url,
  secret: process.env.BETTER_AUTH_SECRET,
  database: pool,
  emailAndPassword: {
    enabled: true,
    requireEmailVerification: mail.requireEmailVerification,
    revokeSessionsOnPasswordReset: mail.revokeSessionsOnPasswordReset,
    sendResetPassword: collect("reset-password"),
    onPasswordReset: mail.hooks && (async ({ user }) => { mails.push(about("password-reset", user)); }),
  },
  emailVerification: {
    sendVerificationEmail: collect("verification"),
    sendOnSignUp: mail.sendOnSignUp,
    sendOnSignIn: mail.sendOnSignIn,
    autoSignInAfterVerification: mail.autoSignInAfterVerification,
  },
  user: {
    deleteUser: { enabled: true, sendDeleteAccountVerification: collect("delete-account") },
    changeEmail: {
      enabled: mail.changeEmail,
      updateEmailWithoutVerification: mail.updateEmailWithoutVerification,
      sendChangeEmailConfirmation: collect("change-email"),
    },
  },
  plugins: [jwt(), bearer(), ...(generic ? [genericOAuth({ config: generic })] : [])],
  socialProviders: social,
  account,
  rateLimit: { enabled: false },
  trustedOrigins: list(process.env.BETTER_AUTH_TRUSTED_ORIGINS),
  logger: { disabled: process.env.ORIGINAL_LOG !== "on" },
  telemetry: { enabled: false },
});

const answer = toNodeHandler(auth);
const server = http.createServer((request, response) =>
  request.url.startsWith("/mails/") ? handOutMails(request, response) : answer(request, response),
);

async function end(code) {
  server.close();
  server.closeAllConnections();
  await pool.end().catch(() => {});
  process.exit(code);
}

process.on("SIGTERM", () => end(0));
process.stdin.on("close", () => end(0));
process.stdin.resume();
server.on("error", (error) => {
  console.error(error.code === "EADDRINUSE" ? "address already in use" : error);
  end(1);
});

const { runMigrations } = await getMigrations(auth.options);
await runMigrations();
server.listen(port, HOST, () => console.log(JSON.stringify({ url })));
