// An app that wants to be connected: it registers itself, and waits for its answers on this machine.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { BASE_URL } from "./harness.mjs";

export const RESOURCE = `${BASE_URL}/mcp`;
const SCOPES = "openid offline_access tasks:read tasks:write";

/** A client that waits for its answers on this machine. */
export async function newClient(name) {
  const answers = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://127.0.0.1");
    if (url.pathname === "/callback") answers.push(url.searchParams);
    response.setHeader("content-type", "text/html");
    response.end("<title>Client</title>You can close this window.");
  });
  server.unref();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const redirect = `http://127.0.0.1:${server.address().port}/callback`;
  const registered = await fetch(`${BASE_URL}/api/auth/oauth2/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: [redirect],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    }),
  });
  assert.equal(registered.status, 201, await registered.clone().text());
  const { client_id: id } = await registered.json();
  return { id, name, redirect, answers, verifier: randomBytes(32).toString("base64url"), server };
}

export function addressFor(client, state) {
  const challenge = createHash("sha256").update(client.verifier).digest("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client.id,
    redirect_uri: client.redirect,
    scope: SCOPES,
    state,
    code_challenge: challenge,
    code_challenge_method: "S256",
    resource: RESOURCE,
  });
  return `${BASE_URL}/api/auth/oauth2/authorize?${query}`;
}
