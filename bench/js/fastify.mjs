// Fastify, pg with named prepared statements, jose.
//
// Environment: PORT, SECRET, and libpq's PGHOST, PGPORT, PGUSER, PGDATABASE. Ends with its standard input.
import Fastify from "fastify";
import { jwtVerify } from "jose";
import pg from "pg";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool({ max: 10 });
const secret = new TextEncoder().encode(process.env.SECRET);

const COLUMNS = "id, user_id, title, description, completed, created_at, updated_at";
const GET = `SELECT ${COLUMNS} FROM tasks WHERE id = $1 AND user_id = $2`;
const LIST = `SELECT ${COLUMNS} FROM tasks WHERE user_id = $1 ORDER BY id DESC`;
const CREATE = `INSERT INTO tasks (user_id, title, description) VALUES ($1, $2, $3) RETURNING ${COLUMNS}`;
const TOGGLE = `UPDATE tasks SET completed = NOT completed, updated_at = date_trunc('milliseconds', clock_timestamp())
  WHERE id = $1 AND user_id = $2 RETURNING ${COLUMNS}`;

const query = (name, text, values) => pool.query({ name, text, values });

const task = {
  type: "object",
  properties: {
    id: { type: "integer" },
    user_id: { type: "string" },
    title: { type: "string" },
    description: { type: ["string", "null"] },
    completed: { type: "boolean" },
    created_at: { type: "string", format: "date-time" },
    updated_at: { type: "string", format: "date-time" },
  },
};
const params = { type: "object", properties: { id: { type: "integer" } } };
const body = {
  type: "object",
  required: ["title"],
  properties: {
    title: { type: "string", minLength: 1, maxLength: 200, pattern: "\\S" },
    description: { type: "string", nullable: true, maxLength: 10_000 },
  },
};

const app = Fastify();
app.decorateRequest("userId", "");

app.addHook("onRequest", async (request, reply) => {
  try {
    const token = request.headers.authorization?.replace(/^Bearer /i, "") ?? "";
    const { payload } = await jwtVerify(token, secret, { algorithms: ["HS256"] });
    request.userId = payload.sub;
  } catch {
    return reply.code(401).send({ detail: "Invalid token" });
  }
});

app.setErrorHandler((error, request, reply) =>
  reply.code(error.validation ? 422 : (error.statusCode ?? 500)).send({ detail: error.message }),
);

function answer(reply, row) {
  return row ?? reply.code(404).send({ detail: "Task not found" });
}

app.get("/api/tasks", { schema: { response: { 200: { type: "array", items: task } } } }, async (request) => {
  return (await query("list", LIST, [request.userId])).rows;
});

app.post("/api/tasks", { schema: { body, response: { 201: task } } }, async (request, reply) => {
  const { title, description = null } = request.body;
  const { rows } = await query("create", CREATE, [request.userId, title.trim(), description]);
  return reply.code(201).send(rows[0]);
});

app.get("/api/tasks/:id", { schema: { params, response: { 200: task } } }, async (request, reply) => {
  return answer(reply, (await query("get", GET, [request.params.id, request.userId])).rows[0]);
});

app.patch("/api/tasks/:id/complete", { schema: { params, response: { 200: task } } }, async (request, reply) => {
  return answer(reply, (await query("toggle", TOGGLE, [request.params.id, request.userId])).rows[0]);
});

process.stdin.on("close", () => process.exit(0)).resume();
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
