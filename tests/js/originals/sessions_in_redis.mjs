// The options of conformance/setups/sessions_in_redis.py. Words of the setup's name say which.
import { redisStorage } from "@better-auth/redis-storage";
import { Redis } from "ioredis";
import { admin, multiSession, organization, twoFactor } from "better-auth/plugins";

function client(socket) {
  return new Redis({ path: socket });
}

export default (setup, _collect, env) => {
  const has = (word) => setup.includes(word);
  return {
    secondaryStorage: redisStorage({ client: client(env.REDIS_SOCKET), keyPrefix: env.REDIS_PREFIX }),
    session: {
      storeSessionInDatabase: has("table"),
      preserveSessionInDatabase: has("preserved"),
      additionalFields: {
        theme: { type: "string", required: false, defaultValue: "light" },
        note: { type: "string", required: false, returned: false },
        since: { type: "date", required: false },
      },
      ...(has("cookie") && { cookieCache: { enabled: true, maxAge: 300 } }),
    },
    user: {
      deleteUser: { enabled: true },
      additionalFields: {
        city: { type: "string", required: false },
        hidden: { type: "string", required: false, returned: false, defaultValue: "secret" },
      },
    },
    verification: { storeInDatabase: true },
    ...(has("plugins") && {
      plugins: [admin(), multiSession(), organization(), twoFactor()],
    }),
  };
};
