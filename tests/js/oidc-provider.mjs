// A real OpenID Connect provider (panva's oidc-provider) with its login and consent pages.
//
// Environment: PORT, CLIENT_ID, CLIENT_SECRET, AUTH_METHOD (client_secret_post by default), and
// USERINFO=only for claims that are told by the userinfo endpoint, not in the ID token.
// Whoever logs in as NAME is NAME@example.com. Ends on SIGTERM, or when its standard input closes.
import Provider from "oidc-provider";

const HOST = "127.0.0.1";
const port = Number(process.env.PORT);
const { CLIENT_ID, CLIENT_SECRET, AUTH_METHOD = "client_secret_post", USERINFO } = process.env;

const provider = new Provider(`http://${HOST}:${port}`, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: ["http://127.0.0.1/api/auth/callback/oidc"],
      token_endpoint_auth_method: AUTH_METHOD,
    },
  ],
  clientAuthMethods: [AUTH_METHOD],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "picture"] },
  conformIdTokenClaims: USERINFO === "only",
  cookies: { keys: ["only for tests"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  async findAccount(_, id) {
    const claims = { sub: id, email: `${id}@example.com`, email_verified: true };
    return { accountId: id, claims: async () => ({ ...claims, name: `Name of ${id}` }) };
  },
});

// The server under test chooses its port last.
provider.Client.prototype.redirectUriAllowed = (uri) =>
  /^http:\/\/127\.0\.0\.1:\d+\/api\/auth\/callback\/oidc$/.test(uri);

const server = provider.listen(port, HOST, () => console.log("ready"));

function end(code) {
  server.close();
  server.closeAllConnections();
  process.exit(code);
}

process.on("SIGTERM", () => end(0));
process.stdin.on("close", () => end(0));
process.stdin.resume();
server.on("error", (error) => {
  console.error(error.code === "EADDRINUSE" ? "address already in use" : error);
  end(1);
});
