// The original on a database whose tables Prisma or Drizzle has made, by Kysely, with other names
// for columns: see auth/test_foreign_tables_interop.py. SETUP is the name of the file with the DDL.
import pg from "pg";

const snake = (name) => name.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
const named = (...names) => ({ fields: Object.fromEntries(names.map((name) => [name, snake(name)])) });
const DRIZZLE = {
  user: named("emailVerified", "createdAt", "updatedAt"),
  session: named("expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"),
  account: named(
    "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken",
    "accessTokenExpiresAt", "refreshTokenExpiresAt", "createdAt", "updatedAt",
  ),
  verification: named("expiresAt", "createdAt", "updatedAt"),
};

// A time without a zone is in UTC, as both tools' clients have it, whatever node-postgres makes of it.
pg.defaults.parseInputDatesAsUTC = true;
pg.types.setTypeParser(pg.types.builtins.TIMESTAMP, (text) => new Date(`${text.replace(" ", "T")}Z`));

export default function options(setup) {
  const [tool, ids] = setup.split("-");
  return {
    ...(tool === "drizzle" ? DRIZZLE : {}),
    user: { ...(tool === "drizzle" ? DRIZZLE.user : {}), deleteUser: { enabled: true } },
    ...(ids ? { advanced: { database: { generateId: ids } } } : {}),
  };
}
