// oauth4webapi, a strict client, and the stock client of the pages: the whole way with an authorization server.
//
// Environment: BASE_URL (its public URL, where it listens); RESOURCE (what tokens are for).
import { createAuthClient } from "better-auth/client";
import { oauthProviderClient } from "@better-auth/oauth-provider/client";
import * as oauth from "oauth4webapi";
import { browser } from "./cookie-jar.mjs";
import { assert, finish, step } from "./steps.mjs";

const base = process.env.BASE_URL;
const issuer = new URL(`${base}/api/auth`);
const resource = new URL(process.env.RESOURCE ?? `${base}/mcp`);
const insecure = { [oauth.allowInsecureRequests]: true };
const redirectUri = "http://127.0.0.1:7777/callback";
const page = browser(base, { cors: false });
const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
const ada = { name: "Ada", email: `ada-${unique}@example.com`, password: "correct horse battery" };
// The stock client reads the page's own query, as it would in a browser.
globalThis.window = { location: { search: "" } };
const auth = createAuthClient({
  baseURL: base,
  plugins: [oauthProviderClient()],
  fetchOptions: { customFetchImpl: page.fetch },
});
let as;
let rs;
let client;
let tokens;
const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const nonce = oauth.generateRandomNonce();
const scope = "openid profile email offline_access tasks:read";

async function visit(parameters) {
  const url = new URL(as.authorization_endpoint);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  // Node's fetch says "cors" of itself, as a script of a page would: the answer is JSON.
  const answer = await page.fetch(url.href, { redirect: "manual" });
  assert.equal(answer.status, 200);
  return new URL((await answer.json()).url, base);
}

async function authorize(more = {}) {
  const challenge = await oauth.calculatePKCECodeChallenge(verifier);
  return visit({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: "code",
    scope,
    state,
    nonce,
    code_challenge: challenge,
    code_challenge_method: "S256",
    resource: resource.href,
    ...more,
  });
}

await step("the resource names its authorization server", async () => {
  const answer = await oauth.resourceDiscoveryRequest(resource, insecure);
  rs = await oauth.processResourceDiscoveryResponse(resource, answer);
  assert.deepEqual(rs.authorization_servers, [issuer.href]);
});
for (const algorithm of ["oauth2", "oidc"]) {
  await step(`discovery: ${algorithm}`, async () => {
    const answer = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
    as = await oauth.processDiscoveryResponse(issuer, answer);
    assert.deepEqual(as.code_challenge_methods_supported, ["S256"]);
    assert.equal(as.authorization_response_iss_parameter_supported, true);
  });
}
await step("registration", async () => {
  const metadata = { client_name: "A client", redirect_uris: [redirectUri], token_endpoint_auth_method: "none" };
  const answer = await oauth.dynamicClientRegistrationRequest(as, metadata, insecure);
  client = await oauth.processDynamicClientRegistrationResponse(answer);
  assert.equal(client.application_type, "native");
});
await step("nobody is signed in: the sign-in page, which goes on with the request", async () => {
  const url = await authorize();
  assert.equal(url.pathname, "/sign-in");
  window.location.search = url.search;
  const { data, error } = await auth.signUp.email(ada);
  assert.equal(error, null);
  assert.equal(data.redirect, true);
  const consent = new URL(data.url, base);
  assert.equal(consent.pathname, "/consent");
  window.location.search = consent.search;
});
await step("the page knows who asks", async () => {
  const { data } = await auth.oauth2.publicClient({ query: { client_id: client.client_id } });
  assert.equal(data.client_name, "A client");
});
let back;
await step("ada allows it", async () => {
  const { data, error } = await auth.oauth2.consent({ accept: true });
  assert.equal(error, null);
  back = new URL(data.url);
  assert.ok(back.href.startsWith(redirectUri));
});
async function exchange(url) {
  const parameters = oauth.validateAuthResponse(as, client, url, state);
  return oauth.authorizationCodeGrantRequest(
    as, client, oauth.None(), parameters, redirectUri, verifier, insecure,
  );
}
await step("code, PKCE and the ID token", async () => {
  const answer = await exchange(back);
  tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce });
  assert.equal(tokens.token_type, "bearer");
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).aud, client.client_id);
});
await step("the ID token's signature", async () => {
  const again = await authorize();
  const answer = await exchange(again);
  await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce });
  await oauth.validateApplicationLevelSignature(as, answer, insecure);
});
await step("the access token, as RFC 9068 has it", async () => {
  const request = new Request(resource, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, resource.href, insecure);
  assert.equal(claims.client_id, client.client_id);
  assert.ok(claims.scope.split(" ").includes("tasks:read"));
});
await step("userinfo", async () => {
  const answer = await oauth.userInfoRequest(as, client, tokens.access_token, insecure);
  const sub = oauth.getValidatedIdTokenClaims(tokens).sub;
  const claims = await oauth.processUserInfoResponse(as, client, sub, answer);
  assert.equal(claims.email, ada.email);
});
await step("refresh", async () => {
  const answer = await oauth.refreshTokenGrantRequest(
    as, client, oauth.None(), tokens.refresh_token, insecure,
  );
  const fresh = await oauth.processRefreshTokenResponse(as, client, answer);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
  tokens = fresh;
});
await step("revocation", async () => {
  const answer = await oauth.revocationRequest(as, client, oauth.None(), tokens.refresh_token, insecure);
  await oauth.processRevocationResponse(answer);
  const refused = await oauth.refreshTokenGrantRequest(
    as, client, oauth.None(), tokens.refresh_token, insecure,
  );
  await assert.rejects(oauth.processRefreshTokenResponse(as, client, refused));
});
await step("connected apps, and disconnecting one", async () => {
  window.location.search = "";
  const { data } = await auth.oauth2.getConsents();
  assert.equal(data.length, 1);
  assert.equal(data[0].clientId, client.client_id);
  const { error } = await auth.oauth2.deleteConsent({ id: data[0].id });
  assert.equal(error, null);
  assert.equal((await authorize()).pathname, "/consent");
});
await step("denied", async () => {
  window.location.search = (await authorize()).search;
  const { data } = await auth.oauth2.consent({ accept: false });
  assert.throws(
    () => oauth.validateAuthResponse(as, client, new URL(data.url), state),
    (error) => error.error === "access_denied",
  );
});
finish();
