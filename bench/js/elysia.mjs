// Elysia on Bun, Bun.SQL (its statements are prepared), jose.
//
// Environment: PORT, SECRET, and libpq's PGHOST, PGPORT, PGUSER, PGDATABASE. Ends with its standard input.
import { SQL } from "bun";
import { Elysia, t } from "elysia";
import { jwtVerify } from "jose";

const { PGHOST, PGPORT, PGUSER, PGDATABASE, PORT, SECRET } = process.env;
const path = `${PGHOST}/.s.PGSQL.${PGPORT}`;
const sql = new SQL({ adapter: "postgres", path, username: PGUSER, database: PGDATABASE, max: 10 });
const secret = new TextEncoder().encode(SECRET);

const params = t.Object({ id: t.Numeric() });
const body = t.Object({
  title: t.String({ minLength: 1, maxLength: 200, pattern: "\\S" }),
  description: t.Optional(t.Nullable(t.String({ maxLength: 10_000 }))),
});

/** The row as JSON has it: the driver gives int8 as text. */
function task(row) {
  row.id = Number(row.id);
  return row;
}

const app = new Elysia()
  .onError(({ code, error, status }) => {
    if (code === "VALIDATION" || code === "PARSE") return status(422, { detail: "invalid" });
    if (code === "NOT_FOUND") return status(404, { detail: "Not found" });
    console.error(error);
    return status(500, { detail: "Internal error" });
  })
  .resolve(async ({ headers, status }) => {
    try {
      const token = headers.authorization?.replace(/^Bearer /i, "") ?? "";
      const { payload } = await jwtVerify(token, secret, { algorithms: ["HS256"] });
      return { userId: payload.sub };
    } catch {
      return status(401, { detail: "Invalid token" });
    }
  })
  .get("/api/tasks", async ({ userId }) => {
    const rows = await sql`
      SELECT id, user_id, title, description, completed, created_at, updated_at FROM tasks
      WHERE user_id = ${userId} ORDER BY id DESC`;
    return Array.from(rows, task);
  })
  .post(
    "/api/tasks",
    async ({ userId, body, status }) => {
      const [row] = await sql`
        INSERT INTO tasks (user_id, title, description)
        VALUES (${userId}, ${body.title.trim()}, ${body.description ?? null})
        RETURNING id, user_id, title, description, completed, created_at, updated_at`;
      return status(201, task(row));
    },
    { body },
  )
  .get(
    "/api/tasks/:id",
    async ({ userId, params, status }) => {
      const [row] = await sql`
        SELECT id, user_id, title, description, completed, created_at, updated_at FROM tasks
        WHERE id = ${params.id} AND user_id = ${userId}`;
      return row ? task(row) : status(404, { detail: "Task not found" });
    },
    { params },
  )
  .patch(
    "/api/tasks/:id/complete",
    async ({ userId, params, status }) => {
      const [row] = await sql`
        UPDATE tasks SET completed = NOT completed, updated_at = date_trunc('milliseconds', clock_timestamp())
        WHERE id = ${params.id} AND user_id = ${userId}
        RETURNING id, user_id, title, description, completed, created_at, updated_at`;
      return row ? task(row) : status(404, { detail: "Task not found" });
    },
    { params },
  );

process.stdin.on("close", () => process.exit(0)).resume();
app.listen({ hostname: "127.0.0.1", port: Number(PORT) });
