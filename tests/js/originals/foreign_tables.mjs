// Tables with other names, and ids of other kinds; what ours is told is in
// conformance/setups/foreign_tables.py.
const RENAMED = {
  user: {
    modelName: "people",
    fields: { email: "email_address", emailVerified: "is_verified", createdAt: "made" },
    additionalFields: {
      nickname: { type: "string", required: false, fieldName: "nick" },
      tags: { type: "string[]", required: false },
    },
    deleteUser: { enabled: true },
  },
  session: {
    modelName: "visits",
    fields: { userId: "person_id", expiresAt: "ends", ipAddress: "address" },
    additionalFields: { theme: { type: "string", required: false, defaultValue: "light" } },
  },
  account: {
    modelName: "ways_in",
    fields: { userId: "person_id", accountId: "number", password: "secret_hash" },
    additionalFields: {
      note: { type: "string", required: true, defaultValue: "none" },
      hidden: { type: "string", required: false, defaultValue: "x", returned: false },
      rank: { type: "number", required: false, defaultValue: 3, fieldName: "place" },
    },
  },
  verification: { modelName: "proofs", fields: { identifier: "about", expiresAt: "ends" } },
  advanced: { database: { generateId: "uuid" } },
};
const SERIAL = {
  user: { deleteUser: { enabled: true } },
  advanced: { database: { generateId: "serial" } },
};

export default function options(setup, collect) {
  return {
    ...(setup === "renamed tables" ? RENAMED : SERIAL),
    emailAndPassword: { enabled: true, sendResetPassword: collect("reset-password") },
  };
}
