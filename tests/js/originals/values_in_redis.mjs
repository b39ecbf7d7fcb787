// The options of conformance/setups/values_in_redis.py: those of another setup, whose
// name comes first, with a secondary storage.
import { redisStorage } from "@better-auth/redis-storage";
import { Redis } from "ioredis";
import apiKeys from "./api_key.mjs";
import byMail from "./by_mail.mjs";
import phones from "./phones.mjs";
import twoFactor from "./two_factor.mjs";

const OTHERS = { "by mail": byMail, "two factor": twoFactor, "api keys": apiKeys, "phones": phones };
const HASHED = { default: "hashed", overrides: { "sign-in-otp-": "plain" } };

function core(_setup, collect) {
  return {
    emailAndPassword: { enabled: true, sendResetPassword: collect("reset-password") },
    user: { deleteUser: { enabled: true, sendDeleteAccountVerification: collect("delete-account") } },
    socialProviders: { github: { clientId: "github-id", clientSecret: "github-secret" } },
  };
}

export default (setup, collect, env) => {
  const [other, how] = setup.split(" in redis");
  const inTable = how.includes("table");
  const keys = { storage: "secondary-storage", fallbackToDatabase: inTable };
  return {
    ...(OTHERS[other] ?? core)(other, collect, keys),
    secondaryStorage: redisStorage({ client: new Redis({ path: env.REDIS_SOCKET }), keyPrefix: env.REDIS_PREFIX }),
    session: { storeSessionInDatabase: true },
    verification: { storeInDatabase: inTable, ...(how.includes("hashed") && { storeIdentifier: HASHED }) },
  };
};
