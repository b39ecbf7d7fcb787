// The options of conformance/setups/by_mail.py.
import { emailOTP, magicLink } from "better-auth/plugins";

const shifted = (text, by) => [...text].map((each) => String.fromCharCode(each.charCodeAt(0) + by)).join("");

const OPTIONS = {
  "by mail": (link, otp) => ({
    plugins: [
      magicLink({ sendMagicLink: link }),
      emailOTP({ sendVerificationOTP: otp, sendVerificationOnSignUp: true, changeEmail: { enabled: true } }),
    ],
  }),
  "strict by mail": (link, otp) => ({
    plugins: [
      magicLink({ sendMagicLink: link, disableSignUp: true, storeToken: "hashed", expiresIn: 60 }),
      emailOTP({
        sendVerificationOTP: otp, disableSignUp: true, storeOTP: "hashed", otpLength: 8, expiresIn: 60, allowedAttempts: 1,
        overrideDefaultEmailVerification: true, changeEmail: { enabled: true, verifyCurrentEmail: true },
      }),
    ],
    emailVerification: { autoSignInAfterVerification: true, sendOnSignUp: true },
  }),
  "codes sent again": (link, otp) => ({
    plugins: [
      magicLink({ sendMagicLink: link, storeToken: { type: "custom-hasher", hash: async (text) => shifted(text, 1) } }),
      emailOTP({ sendVerificationOTP: otp, storeOTP: "encrypted", resendStrategy: "reuse" }),
    ],
  }),
};

export default (setup, collect) => OPTIONS[setup](collect("magic-link"), collect("otp"));
