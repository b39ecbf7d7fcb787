// The options of conformance/setups/device_authorization.py.
import { deviceAuthorization } from "better-auth/plugins";

const strict = (collect) => ({
  expiresIn: "2 minutes",
  interval: "1m",
  deviceCodeLength: 24,
  userCodeLength: 6,
  validateClient: (id) => id.startsWith("tv"),
  onDeviceAuthRequest: async (id, scope) => collect("device")({ id, scope }),
  verificationUri: "https://tasks.example/tv?lang=en",
  schema: { deviceCode: { modelName: "devices", fields: { userCode: "typed" } } },
});

export default (setup, collect) => ({ plugins: [deviceAuthorization(setup === "devices" ? undefined : strict(collect))] });
