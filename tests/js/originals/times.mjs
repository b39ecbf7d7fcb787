// The options of conformance/setups/times.py.
export default (_setup, collect) => ({
  emailVerification: {
    sendVerificationEmail: collect("verification"),
    beforeEmailVerification: (user) => collect("before")({ user }),
    afterEmailVerification: (user) => collect("after")({ user }),
  },
  session: { freshAge: 60 },
  user: { deleteUser: { enabled: true, sendDeleteAccountVerification: collect("delete"), deleteTokenExpiresIn: 120 } },
  emailAndPassword: { enabled: true, sendResetPassword: collect("reset"), resetPasswordTokenExpiresIn: 600 },
  onAPIError: { errorURL: "http://localhost:3000/oops?from=auth" },
  socialProviders: { discord: { clientId: "its-id", clientSecret: "its-secret" } },
});
