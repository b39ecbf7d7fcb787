// The options of conformance/setups/rate_limits.py.
const RULES = {
  "/ok": { window: 60, max: 2 },
  "/error": false,
  "/list-*": { window: 60, max: 1 },
  "/get-session": async (request, rule) => {
    const said = request.headers.get("x-limit");
    if (said === "none") return false;
    return said ? { window: rule.window * 2, max: Number(said) } : undefined;
  },
};

function inMemory() {
  const kept = new Map();
  return {
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value),
    delete: (key) => void kept.delete(key),
    getAndDelete: (key) => {
      const value = kept.get(key) ?? null;
      kept.delete(key);
      return value;
    },
    increment: (key) => {
      const count = Number(kept.get(key) ?? 0) + 1;
      kept.set(key, String(count));
      return count;
    },
  };
}

export default (setup) => ({
  rateLimit: { enabled: true, window: 20, max: 4, customRules: RULES, storage: setup.split(" ")[2] },
  ...(setup.endsWith("secondary-storage") && {
    secondaryStorage: inMemory(),
    session: { storeSessionInDatabase: true },
    verification: { storeInDatabase: true },
  }),
  advanced: { ipAddress: { ipAddressHeaders: ["x-forwarded-for"] } },
});
