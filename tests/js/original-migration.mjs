// Better Auth's own migration, as the judge of ours.
//
// Environment: JOBS, a JSON list of {url, options}, done one after the other. The options are {user,
// session, rateLimit} as betterAuth takes them (a default value of "<now>" stands for a function that
// returns the time), {username, mcp} for the plugins with these options (mcp brings jwt along), and {own} for a plugin with this
// `schema`.
import { mcp } from "@better-auth/mcp";
import { getMigrations } from "better-auth/db/migration";
import { jwt, username } from "better-auth/plugins";
import pg from "pg";

const jobs = JSON.parse(process.env.JOBS, (key, value) =>
  key === "defaultValue" && value === "<now>" ? () => new Date() : value,
);
for (const { url, options } of jobs) {
  const connectionString = url.replace(/([?&])sslmode=(prefer|allow)&?/, "$1");
  const pool = new pg.Pool({ connectionString, max: 2 });
  const { username: usernameOptions, mcp: mcpOptions, own, ...others } = options;
  const { runMigrations } = await getMigrations({
    database: pool,
    secret: "x".repeat(32),
    baseURL: "http://localhost:3000",
    plugins: [
      ...(usernameOptions ? [username(usernameOptions)] : []),
      ...(mcpOptions ? [jwt(), mcp(mcpOptions)] : []),
      ...(own ? [{ id: "own", schema: own }] : []),
    ],
    logger: { disabled: true },
    ...others,
  });
  await runMigrations();
  await pool.end();
}
