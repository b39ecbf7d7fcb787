// The original Better Auth without any plugin: `get-session` then reads the session and signs no JWT.
//
// Taskward always offers the JWT, so its counterpart is tests/js/original-server.mjs; this one shows
// how much of the difference is the original's JWT. The package is the one that the tests have.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../../tests/js/package.json", import.meta.url));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { betterAuth } = await load("better-auth");
const { toNodeHandler } = await load("better-auth/node");
const { default: pg } = await load("pg");

const auth = betterAuth({
  baseURL: process.env.BETTER_AUTH_URL,
  secret: process.env.SECRET,
  database: new pg.Pool({ max: 10 }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  trustedOrigins: ["http://localhost:3000"],
  telemetry: { enabled: false },
});

process.stdin.on("close", () => process.exit(0)).resume();
http.createServer(toNodeHandler(auth)).listen(Number(process.env.PORT), "127.0.0.1");
