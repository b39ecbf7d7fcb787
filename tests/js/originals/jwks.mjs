// The plugin `jwt` with keys for an algorithm: the setup's name, with " in clear" for private keys
// that are not encrypted. `/verify` tells what the original makes of a token.
import { createAuthEndpoint } from "better-auth/api";
import { jwt } from "better-auth/plugins";
import { verifyJWT } from "better-auth/plugins/jwt";
import * as z from "zod";

export default function options(setup) {
  const [alg, ...more] = setup.split(" ");
  const chosen = {
    jwks: { keyPairConfig: { alg }, disablePrivateKeyEncryption: more.length > 0 },
    jwt: {
      issuer: "https://issuer.example",
      audience: ["https://one.example", "https://two.example"],
      expirationTime: "5m",
      definePayload: ({ user, session }) => ({ email: user.email, given: session.userId === user.id }),
    },
  };
  const verify = createAuthEndpoint(
    "/verify",
    { method: "POST", body: z.object({ token: z.string() }) },
    async (ctx) => ctx.json(await verifyJWT(ctx.body.token, chosen)),
  );
  return { plugins: [jwt(chosen), { id: "verify", endpoints: { verify } }] };
}
