// The options of the settings "one tap …" of conformance/social.py, with the provider's keys for Google's.
import { oneTap } from "better-auth/plugins";

const CERTS = "https://www.googleapis.com/oauth2/v3/certs";
const OPTIONS = {
  "one tap": undefined,
  "one tap of one's own": { clientId: ["tap-id", "other-id"], disableSignup: true },
  "one tap for a domain": undefined,
};
const { fetch } = globalThis;

// Several of the settings may run in this process; their keys are the same.
let keys;
globalThis.fetch = (input, init) => fetch(String(input?.url ?? input) === CERTS ? keys : input, init);

export default (setup) => {
  const [name, url] = setup.split("|");
  keys = url;
  return { plugins: [oneTap(OPTIONS[name])] };
};
