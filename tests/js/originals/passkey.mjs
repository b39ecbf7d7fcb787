// The options of conformance/setups/passkey/.
import { passkey } from "@better-auth/passkey";
import { APIError } from "better-auth/api";

const OPTIONS = {
  passkey: () => ({}),
  "strict passkey": (collect) => ({
    rpID: "tasks.example",
    rpName: "Tasks & Co",
    origin: ["https://tasks.example", "https://app.tasks.example"],
    authenticatorSelection: { authenticatorAttachment: "platform", residentKey: "required", userVerification: "required" },
    registration: {
      requireSession: false,
      resolveUser: async ({ context }) => (context ? { id: context, name: context === "nameless" ? "" : `Name of ${context}` } : null),
      afterVerification: async ({ user, context }) => {
        await collect("registered")({ id: user.id, name: user.name, context: context ?? undefined });
        return { name: "A name by default" };
      },
      extensions: { minPinLength: true },
    },
    authentication: {
      afterVerification: async ({ clientData }) => {
        if (clientData.refused) throw new APIError("FORBIDDEN", { message: "Not today" });
      },
      extensions: async () => ({ uvm: true }),
    },
    advanced: { webAuthnChallengeCookie: "ceremony" },
    schema: { passkey: { modelName: "keys", fields: { publicKey: "public_key" } } },
  }),
};

export default (setup, collect) => ({ plugins: [passkey(OPTIONS[setup](collect))] });
