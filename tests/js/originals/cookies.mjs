// The options of conformance/setups/cookies.py.
const CACHE = { enabled: true, maxAge: 120 };

const OPTIONS = {
  "cookies for other sites": {
    advanced: {
      useSecureCookies: true,
      cookiePrefix: "shop",
      crossSubDomainCookies: { enabled: true },
      defaultCookieAttributes: { sameSite: "none", partitioned: true },
      cookies: {
        session_token: { name: "sid", attributes: { path: "/api", sameSite: "strict" } },
        state: { name: "of.oauth", attributes: { httpOnly: false, maxAge: 77 } },
        dont_remember: { attributes: { maxAge: 99 } },
      },
    },
  },
  "cookie cache with more fields": {
    session: {
      cookieCache: CACHE,
      additionalFields: {
        device: { type: "string", required: false, defaultValue: "unknown" },
        internal: { type: "boolean", required: false, returned: false, defaultValue: true },
      },
    },
    user: {
      deleteUser: { enabled: true },
      additionalFields: {
        nick: { type: "string", required: false },
        hidden: { type: "string", required: false, returned: false, defaultValue: "not shown" },
        score: { type: "number", required: false, defaultValue: 7 },
        born: { type: "date", required: false },
        tags: { type: "string[]", required: false },
      },
    },
  },
  "sessions that are never extended": { session: { disableSessionRefresh: true } },
  "compact cookie cache": { session: { cookieCache: CACHE } },
  "signed cookie cache": { session: { cookieCache: { ...CACHE, strategy: "jwt", version: "7" }, deferSessionRefresh: true } },
  "encrypted cookie cache": {
    session: { cookieCache: { ...CACHE, strategy: "jwe", version: (session, user) => `v-${user.name}`, refreshCache: true } },
  },
};

export default (setup) => ({
  ...OPTIONS[setup],
  socialProviders: { github: { clientId: "its-id", clientSecret: "its-secret" } },
});
