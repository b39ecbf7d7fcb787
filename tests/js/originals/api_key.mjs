// The options of conformance/setups/api_key/.
import { apiKey } from "@better-auth/api-key";
import { createAuthEndpoint } from "better-auth/api";
import { organization } from "better-auth/plugins";
import * as z from "zod";

const STRICT = {
  apiKeyHeaders: ["x-key", "x-other-key"],
  enableSessionForAPIKeys: true,
  enableMetadata: true,
  requireName: true,
  minimumNameLength: 3,
  maximumNameLength: 8,
  minimumPrefixLength: 2,
  maximumPrefixLength: 4,
  defaultPrefix: "tw_",
  defaultKeyLength: 20,
  customAPIKeyValidator: ({ key }) => !key.includes("forbidden"),
  keyExpiration: { defaultExpiresIn: 7200, minExpiresIn: 0.5, maxExpiresIn: 2 },
  rateLimit: { timeWindow: 60_000, maxRequests: 3 },
  startingCharactersConfig: { charactersLength: 4 },
  permissions: { defaultPermissions: { tasks: ["read"] } },
};
const KINDS = [
  { configId: "default", keyExpiration: { disableCustomExpiresTime: true }, rateLimit: { enabled: false } },
  { configId: "public", defaultPrefix: "pk_", startingCharactersConfig: { shouldStore: false } },
  { configId: "team", references: "organization", permissions: { defaultPermissions: async (id) => ({ [typeof id]: ["read"] }) } },
];
const OPTIONS = {
  "api keys": (more) => apiKey(more),
  "strict api keys": () => apiKey({ ...STRICT, schema: { apikey: { modelName: "keys", fields: { referenceId: "owner", key: "secret_hash" } } } }),
  "kinds of api keys": () => apiKey(KINDS),
  "a named kind of api keys": () => apiKey({ configId: "only" }),
};

// What the host's own code may do, as an endpoint.
function host(plugin) {
  const call = (name) =>
    createAuthEndpoint(`/host/${name}`, { method: "POST", body: z.any() }, async (ctx) => ctx.json(await plugin.endpoints[name]({ body: ctx.body, context: { ...ctx.context, session: null } })));
  const names = ["createApiKey", "updateApiKey", "verifyApiKey", "deleteAllExpiredApiKeys"];
  return { id: "host", endpoints: Object.fromEntries(names.map((name) => [`host${name}`, call(name)])) };
}

export default (setup, _collect, more) => {
  const plugin = OPTIONS[setup](more.storage ? more : undefined);
  return { plugins: [organization(), plugin, host(plugin)] };
};
