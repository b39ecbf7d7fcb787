// The options of conformance/setups/phones.py.
import { phoneNumber } from "better-auth/plugins";

const OPTIONS = {
  phones: (otp, reset, verified) => ({
    sendOTP: otp, sendPasswordResetOTP: reset, callbackOnVerification: async ({ phoneNumber: number, user }) => verified({ phoneNumber: number, user }),
    signUpOnVerification: { getTempEmail: (number) => `p${number.slice(1)}@phones.example` },
  }),
  "strict phones": (otp, reset) => ({
    sendOTP: otp, sendPasswordResetOTP: reset, otpLength: 8, expiresIn: 60, allowedAttempts: 1, requireVerification: true,
    phoneNumberValidator: async (number) => number.startsWith("+"),
    schema: { user: { fields: { phoneNumber: "phone" } } },
  }),
  "phones without a sender": () => ({}),
};

export default (setup, collect) => ({
  plugins: [phoneNumber(OPTIONS[setup](collect("otp"), collect("reset"), collect("verified")))],
});
