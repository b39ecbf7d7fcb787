// The original Better Auth, as the judge of ours: `serve(env)`, which originals.mjs calls.
//
// `env` has PORT, DATABASE_URL, BETTER_AUTH_SECRET, and, if they differ from the defaults,
// BETTER_AUTH_URL and BETTER_AUTH_TRUSTED_ORIGINS (comma-separated).
// SOCIAL is JSON: {social, generic, account}, the options of the same names (generic: its `config`).
// MAIL is JSON, {hooks, changeEmail, requireEmailVerification, …}: see conformance/mail.py. With hooks
// `GET /mails/<text>` hands out what would have been mailed since the last time and mentions <text>.
// PLUGINS (comma-separated, admin, organization and twoFactor) adds these, with their columns and endpoints.
// ADDED is JSON, {username, mcp, user, session}: the options of the plugins, if they are on, and those of the
// same names (a default value of "<now>" stands for a function that returns the time).
// ORIGINAL and SETUP: a module of originals/ whose default export makes more options, of a name: see
// tests/conformance/setup.py. Plugins are added, everything else replaces what is here.
// Returns what ends the server when it is called.
import { once } from "node:events";
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { admin, bearer, genericOAuth, jwt, organization, twoFactor, username } from "better-auth/plugins";
import pg from "pg";

const HOST = "127.0.0.1";

function list(text) {
  return (text ?? "").split(",").map((part) => part.trim()).filter(Boolean);
}

function about(kind, user) {
  return { kind, id: user.id, to: user.email, name: user.name, verified: user.emailVerified };
}

function without(options, name) {
  return Object.fromEntries(Object.entries(options).filter(([each]) => each !== name));
}

// What any callback is given, as far as it is JSON.
function plain(value) {
  if (value === null || value === undefined || typeof value === "function") return undefined;
  if (typeof value !== "object") return value;
  if (value.email && value.id) return { email: value.email, id: value.id, name: value.name };
  const entries = Object.entries(value).map(([name, entry]) => [name, plain(entry)]);
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined).sort());
}

export async function serve(env) {
  const port = Number(env.PORT);
  const url = `http://${HOST}:${port}`;

  // node-postgres reads "prefer" as "verify-full"; on the tests' own socket it means: no TLS.
  const connectionString = env.DATABASE_URL.replace(/([?&])sslmode=(prefer|allow)&?/, "$1");
  const pool = new pg.Pool({ connectionString, max: 10 });

  const { social, generic, account } = JSON.parse(env.SOCIAL || "{}");

  const more = list(env.PLUGINS).map((name) => ({ admin, organization, twoFactor })[name]());

  const added = JSON.parse(env.ADDED || "{}", (key, value) =>
    key === "defaultValue" && value === "<now>" ? () => new Date() : value,
  );

  const mail = JSON.parse(env.MAIL || "{}");
  const mails = [];

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

  function collectAny(kind) {
    return async (data) => { mails.push({ kind, ...plain(data) }); };
  }

  const setup = env.ORIGINAL
    ? await (await import(`./originals/${env.ORIGINAL}.mjs`)).default(env.SETUP, collectAny, env)
    : {};

  const auth = betterAuth({
    baseURL: env.BETTER_AUTH_URL || url,
    secret: env.BETTER_AUTH_SECRET,
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
      ...added.user,
      deleteUser: { enabled: true, sendDeleteAccountVerification: collect("delete-account") },
      changeEmail: {
        enabled: mail.changeEmail,
        updateEmailWithoutVerification: mail.updateEmailWithoutVerification,
        sendChangeEmailConfirmation: collect("change-email"),
      },
    },
    plugins: [...(setup.plugins?.some((plugin) => plugin.id === "jwt") ? [] : [jwt()]), bearer(), ...(generic ? [genericOAuth({ config: generic })] : []), ...more, ...(added.username ? [username(added.username)] : []), ...(added.mcp ? [(await import("@better-auth/mcp")).mcp(added.mcp)] : []), ...(setup.plugins ?? [])],
    session: added.session,
    socialProviders: social,
    account,
    rateLimit: { enabled: false },
    trustedOrigins: list(env.BETTER_AUTH_TRUSTED_ORIGINS),
    logger: { disabled: env.ORIGINAL_LOG !== "on" },
    telemetry: { enabled: false },
    ...without(setup, "plugins"),
  });

  // What it throws, as for a host that is not allowed, would end the process of all originals.
  const handle = toNodeHandler(auth);
  const answer = (request, response) =>
    handle(request, response).catch(() => response.writeHead(500).end());
  const server = http.createServer((request, response) =>
    request.url.startsWith("/mails/") ? handOutMails(request, response) : answer(request, response),
  );

  async function end() {
    server.close();
    server.closeAllConnections();
    await pool.end().catch(() => {});
  }

  try {
    const { runMigrations } = await getMigrations(auth.options);
    await runMigrations();
    server.listen(port, HOST);
    await once(server, "listening");
  } catch (error) {
    await end();
    throw error;
  }
  return end;
}
