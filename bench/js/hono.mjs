// Hono on Node.js, Drizzle over node-postgres, zod, jose.
//
// Environment: PORT, SECRET, and libpq's PGHOST, PGPORT, PGUSER, PGDATABASE. Ends with its standard input.
import { serve } from "@hono/node-server";
import { zValidator } from "@hono/zod-validator";
import { and, desc, eq, not, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { bigint, boolean, pgTable, text, timestamp, varchar } from "drizzle-orm/pg-core";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { jwtVerify } from "jose";
import pg from "pg";
import { z } from "zod";

const moment = (name) => timestamp(name, { withTimezone: true, precision: 3 }).notNull().default(sql`now()`);
const tasks = pgTable("tasks", {
  id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
  user_id: varchar({ length: 255 }).notNull(),
  title: varchar({ length: 200 }).notNull(),
  description: text(),
  completed: boolean().notNull().default(false),
  created_at: moment("created_at"),
  updated_at: moment("updated_at"),
});
const db = drizzle({ client: new pg.Pool({ max: 10 }) });
const secret = new TextEncoder().encode(process.env.SECRET);

const NewTask = z.object({
  title: z.string().trim().min(1).max(200),
  description: z.string().max(10_000).nullish(),
});
const Id = z.object({ id: z.coerce.number().int() });
const valid = (target, schema) =>
  zValidator(target, schema, (result, c) => {
    if (!result.success) return c.json({ detail: result.error.message }, 422);
  });

const app = new Hono();

app.use(async (c, next) => {
  try {
    const token = c.req.header("authorization")?.replace(/^Bearer /i, "") ?? "";
    const { payload } = await jwtVerify(token, secret, { algorithms: ["HS256"] });
    c.set("userId", payload.sub);
  } catch {
    throw new HTTPException(401, { message: "Invalid token" });
  }
  await next();
});

app.onError((error, c) => c.json({ detail: error.message }, error instanceof HTTPException ? error.status : 500));

function one(c) {
  return and(eq(tasks.id, c.req.valid("param").id), eq(tasks.user_id, c.get("userId")));
}

function answer(c, row) {
  return row ? c.json(row) : c.json({ detail: "Task not found" }, 404);
}

app.get("/api/tasks", async (c) => {
  return c.json(await db.select().from(tasks).where(eq(tasks.user_id, c.get("userId"))).orderBy(desc(tasks.id)));
});

app.post("/api/tasks", valid("json", NewTask), async (c) => {
  const values = { ...c.req.valid("json"), user_id: c.get("userId") };
  const [row] = await db.insert(tasks).values(values).returning();
  return c.json(row, 201);
});

app.get("/api/tasks/:id", valid("param", Id), async (c) => {
  const [row] = await db.select().from(tasks).where(one(c));
  return answer(c, row);
});

app.patch("/api/tasks/:id/complete", valid("param", Id), async (c) => {
  const values = { completed: not(tasks.completed), updated_at: sql`date_trunc('milliseconds', clock_timestamp())` };
  const [row] = await db.update(tasks).set(values).where(one(c)).returning();
  return answer(c, row);
});

process.stdin.on("close", () => process.exit(0)).resume();
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT) });
