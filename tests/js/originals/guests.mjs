// The options of conformance/setups/guests.py.
import { anonymous, lastLoginMethod, multiSession, oneTimeToken } from "better-auth/plugins";

const OPTIONS = {
  guests: (linked) => [
    anonymous({ onLinkAccount: async ({ anonymousUser, newUser }) => linked({ anonymousUser: anonymousUser.user, newUser: newUser.user }) }),
    oneTimeToken(),
    lastLoginMethod(),
  ],
  "guests who stay": () => [
    anonymous({
      emailDomainName: "guests.example", generateName: async () => "Guest", disableDeleteAnonymousUser: true,
      schema: { user: { fields: { isAnonymous: "is_anonymous" } } },
    }),
    oneTimeToken({ storeToken: "hashed", disableSetSessionCookie: true, expiresIn: 1, setOttHeaderOnNewSession: false }),
    lastLoginMethod({
      storeInDatabase: true, cookieName: "last", maxAge: 60,
      customResolveMethod: (ctx) => (ctx.path === "/sign-in/anonymous" ? "guest" : null),
    }),
  ],
  "many sessions": () => [multiSession({ maximumSessions: 2 }), oneTimeToken({ disableClientRequest: true })],
};

export default (setup, collect) => ({ plugins: OPTIONS[setup](collect("linked")) });
