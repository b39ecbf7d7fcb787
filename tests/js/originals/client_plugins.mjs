// The options of conformance/setups/client_plugins.py.
import { apiKey } from "@better-auth/api-key";
import { anonymous, deviceAuthorization, emailOTP, lastLoginMethod, magicLink, multiSession, oneTimeToken, phoneNumber } from "better-auth/plugins";

export default (_, collect) => ({
  plugins: [
    magicLink({ sendMagicLink: collect("link") }),
    emailOTP({ sendVerificationOTP: collect("code") }),
    phoneNumber({
      sendOTP: collect("sms"), sendPasswordResetOTP: collect("sms"),
      signUpOnVerification: { getTempEmail: (number) => `p${number.slice(1)}@phones.example` },
    }),
    anonymous({ onLinkAccount: async ({ anonymousUser, newUser }) => collect("linked")({ anonymousUser: anonymousUser.user, newUser: newUser.user }) }),
    multiSession(),
    oneTimeToken(),
    lastLoginMethod({ storeInDatabase: true }),
    apiKey({ enableSessionForAPIKeys: true, enableMetadata: true }),
    deviceAuthorization(),
  ],
});
