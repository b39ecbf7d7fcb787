// The options of conformance/setups/captcha.py.
import { once } from "node:events";
import http from "node:http";
import { captcha } from "better-auth/plugins";

// A provider: "token|status|JSON" in place of a solved captcha is what it answers, to those who know the secret.
async function provider() {
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = request.headers["content-type"] === "application/json" ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
    const [token, status, answer] = (form.response ?? "").split("|");
    if (token === "hang up") return request.socket.destroy();
    const known = form.secret === "the secret" && [undefined, "the site"].includes(form.sitekey);
    response.writeHead(Number(status) || 200, { "content-type": "application/json" });
    response.end(known ? answer : "{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return `http://127.0.0.1:${server.address().port}/siteverify`;
}

const secretKey = "the secret";
const OPTIONS = {
  turnstile: { provider: "cloudflare-turnstile", secretKey, expectedAction: "login", allowedHostnames: ["tasks.example", "a.example"] },
  "any turnstile": { provider: "cloudflare-turnstile", secretKey },
  recaptcha: { provider: "google-recaptcha", secretKey, endpoints: ["/sign-in/*", "/reset-password/**"] },
  "strict recaptcha": { provider: "google-recaptcha", secretKey, minScore: 0.8, expectedAction: "login", allowedHostnames: ["tasks.example"] },
  hcaptcha: { provider: "hcaptcha", secretKey, siteKey: "the site" },
  captchafox: { provider: "captchafox", secretKey, siteKey: "another site", endpoints: ["/sign-in/email"] },
  botid: {
    provider: "vercel-botid", checkBotId: async () => ({ isBot: true, isVerifiedBot: true }),
    validateRequest: ({ request, verification }) => verification.isVerifiedBot && request.headers.get("x-robot") === "good",
  },
  "any botid": { provider: "vercel-botid", checkBotId: async () => ({ isBot: false }) },
};

export default async (setup) => {
  const options = OPTIONS[setup];
  const asked = options.provider === "vercel-botid" ? {} : { siteVerifyURLOverride: await provider() };
  return { plugins: [captcha({ ...options, ...asked })] };
};
