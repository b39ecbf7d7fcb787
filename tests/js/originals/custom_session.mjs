// The options of conformance/setups/custom_session.py.
import { APIError } from "better-auth/api";
import { customSession, lastLoginMethod, multiSession } from "better-auth/plugins";

async function withRoles({ user, session }, ctx) {
  if (user.name === "Eve") throw new APIError("FORBIDDEN", { message: "Not you" });
  return { roles: ["reader"], user: { ...user, greeting: `Hello ${user.name}` }, session, agent: ctx.headers.get("x-agent") };
}

const OPTIONS = {
  "custom session": [customSession(withRoles), multiSession()],
  "custom sessions of a browser": [
    customSession(async ({ user }) => ({ only: user.name }), {}, { shouldMutateListDeviceSessionsEndpoint: true }), multiSession(), lastLoginMethod(),
  ],
};

export default (setup) => ({
  plugins: OPTIONS[setup],
  ...(setup === "custom session" && { session: { cookieCache: { enabled: true, maxAge: 300 }, updateAge: 0 } }),
});
