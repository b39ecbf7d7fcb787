// The options of conformance/setups/base_urls.py.
const OPTIONS = {
  "hosts with a fallback": {
    baseURL: {
      allowedHosts: ["One.example", "*.previews.example", "app-?.example:8443", "[::1]:4000"],
      fallback: "https://main.example",
      protocol: "https",
    },
    advanced: { useSecureCookies: true },
  },
  "hosts behind a proxy": {
    baseURL: { allowedHosts: ["app.example", "*.app.example", "localhost:*", "127.0.0.1:*"], protocol: "auto" },
    advanced: { trustedProxyHeaders: true, crossSubDomainCookies: { enabled: true } },
  },
  "hosts by http": {
    baseURL: {
      allowedHosts: ["localhost:3000", "site.example"],
      fallback: "http://fallback.example",
      protocol: "http",
    },
  },
};

export default (setup, collect) => ({
  ...OPTIONS[setup],
  emailAndPassword: { enabled: true, sendResetPassword: collect("reset") },
  socialProviders: { discord: { clientId: "its-id", clientSecret: "its-secret" } },
});
