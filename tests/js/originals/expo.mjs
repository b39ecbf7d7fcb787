// The original in the setups of tests/conformance/setups/expo.py.
import { expo } from '@better-auth/expo'

export default (setup, collect) => ({
  plugins: [expo({ disableOriginOverride: setup === 'expo without override' })],
  trustedOrigins: ['http://localhost:3000', 'myapp://', 'exp://**'],
  emailVerification: {
    sendVerificationEmail: collect('verification'),
    autoSignInAfterVerification: true,
  },
  socialProviders: { discord: { clientId: 'the-client', clientSecret: 'the-secret' } },
})
