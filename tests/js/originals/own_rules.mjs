// Hooks, and rules of the application about who may come and how passwords are kept.
import { APIError, createAuthMiddleware } from "better-auth/api";
import { admin, anonymous, emailOTP, magicLink, phoneNumber } from "better-auth/plugins";

const NAME = /^forbidden/;

function wanted({ user, source }) {
  if (user.email.startsWith("broken")) throw new Error("broken");
  if (user.email.startsWith("silent")) return { error: "silent" };
  if (user.email.startsWith("refused")) {
    return { error: "not_wanted", errorDescription: `${source.action} by ${source.method}` };
  }
}

const ACTIONS = { later: "sign-in", linker: "link-account" };

// As conformance/wanted.py.
function onlyWanted({ user, source }) {
  if (user.email.startsWith("broken")) throw new Error("broken");
  if (user.email.startsWith("silent")) return { error: "silent" };
  const refused = user.email.startsWith("refused") || ["Anonymous", "Refused"].includes(user.name);
  const late = Object.entries(ACTIONS).some(([name, action]) => user.email.startsWith(name) && source.action === action);
  if (!refused && !late) return;
  const { providerId, profile } = source.oauth ?? {};
  const whose = providerId ? ["at", providerId, "for", profile.name, user.emailVerified] : [];
  return { error: "not_wanted", errorDescription: [source.action, "by", source.method, ...whose].join(" ") };
}

const before = createAuthMiddleware(async (ctx) => {
  if (ctx.path !== "/update-user") return;
  const name = ctx.body?.name;
  if (typeof name !== "string") return;
  if (NAME.test(name)) throw new APIError("BAD_REQUEST", { message: `not ${name}`, code: "NO_SUCH_NAME" });
  return { context: { body: { ...ctx.body, name: `${name}!` } } };
});

const after = createAuthMiddleware(async (ctx) => {
  if (ctx.path === "/ok") return ctx.json({ ...ctx.context.returned, hooked: true });
});

export default function options(setup, collect) {
  if (setup === "choosy social") return { user: { validateUserInfo: onlyWanted } };
  if (setup === "choosy plugins") {
    return {
      user: { validateUserInfo: onlyWanted },
      plugins: [
        magicLink({ sendMagicLink: collect("magic-link") }),
        emailOTP({ sendVerificationOTP: collect("otp") }),
        phoneNumber({ sendOTP: collect("otp"), signUpOnVerification: {
          getTempEmail: (number) => `p${number.slice(1)}@phones.example`,
          getTempName: (number) => (number.startsWith("+49") ? "Refused" : "Welcome"),
        } }),
        anonymous(),
        admin(),
      ],
    };
  }
  const passwords = {
    enabled: true,
    minPasswordLength: 3,
    maxPasswordLength: 40,
    password: {
      hash: async (password) => `plain:${password}`,
      verify: async ({ hash, password }) => hash === `plain:${password}`,
    },
  };
  if (setup === "quiet sign-up") {
    return {
      emailAndPassword: { ...passwords, autoSignIn: false, onExistingUserSignUp: collect("existing") },
      user: { validateUserInfo: wanted },
    };
  }
  return {
    emailAndPassword: passwords,
    user: {
      validateUserInfo: wanted,
      deleteUser: {
        enabled: true,
        beforeDelete: async (user) => {
          if (user.name === "Stays") throw new APIError("BAD_REQUEST", { message: "stays" });
          await collect("before")({ user });
        },
        afterDelete: (user) => collect("after")({ user }),
      },
    },
    hooks: { before, after },
    disabledPaths: ["/list-sessions", "/callback/fake", "/sign-out"],
    onAPIError: { onError: (error) => collect("error")({ message: error.message }) },
  };
}
