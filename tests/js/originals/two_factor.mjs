// The options of conformance/setups/two_factor/.
import { twoFactor, username } from "better-auth/plugins";

const shifted = (text, by) => [...text].map((each) => String.fromCharCode(each.charCodeAt(0) + by)).join("");

const OPTIONS = {
  "two factor": (sendOTP) => ({ otpOptions: { sendOTP } }),
  "strict two factor": (sendOTP) => ({
    issuer: "Strict & Co",
    totpOptions: { digits: 8, period: 60, issuer: "Totally strict" },
    otpOptions: { sendOTP, digits: 4, period: 1, allowedAttempts: 2, storeOTP: "hashed" },
    backupCodeOptions: { amount: 3, length: 6, storeBackupCodes: "plain" },
    accountLockout: { maxFailedAttempts: 3, durationSeconds: 120 },
    skipVerificationOnEnable: true,
    allowPasswordless: true,
    twoFactorCookieMaxAge: 60,
    trustDeviceMaxAge: 3600,
    twoFactorTable: "second_factors",
    schema: { user: { fields: { twoFactorEnabled: "has_second" } }, twoFactor: { fields: { backupCodes: "spare_codes" } } },
  }),
  "second factor without an app": () => ({
    totpOptions: { disable: true },
    otpOptions: { storeOTP: "encrypted" },
    accountLockout: { enabled: false },
  }),
  "second factor by own functions": (sendOTP) => ({
    otpOptions: { sendOTP, storeOTP: { encrypt: async (text) => shifted(text, 17), decrypt: async (text) => shifted(text, -17) } },
    backupCodeOptions: {
      customBackupCodesGenerate: () => ["first-spare", "second-spare"],
      storeBackupCodes: { encrypt: async (text) => shifted(text, 17), decrypt: async (text) => shifted(text, -17) },
    },
    accountLockout: { enabled: false },
  }),
};

export default (setup, collect) => ({
  plugins: [username(), twoFactor(OPTIONS[setup](collect("otp")))],
  ...(setup === "second factor by own functions" && { appName: "Tasks & Co" }),
});
