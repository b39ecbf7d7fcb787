// Passkeys: the ceremonies between the browser and the server, and what is said of them.
import {
  type AuthenticationResponseJSON,
  browserSupportsWebAuthn,
  browserSupportsWebAuthnAutofill,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  startAuthentication,
  startRegistration,
  WebAuthnAbortService,
} from "@simplewebauthn/browser";
import { carriedOn, entered } from "./auth-client";
import type { Answer } from "./auth-request";
import { type AuthFailure, failureOf } from "./clients";
import { WHOLE } from "./forms";
import { followed } from "./oauth";
import { get, post } from "./plugins";

/** The server forgets a challenge after five minutes. */
const FRESH_SECONDS = 240;

const BY_THE_BROWSER: Record<string, string> = {
  NotAllowedError: "No passkey was given: it was cancelled, or took too long.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "There are no passkeys for this address. Open the page at the server's own address.",
};
const BY_THE_SERVER: Record<string, string> = {
  CHALLENGE_NOT_FOUND: "That took too long. Try again.",
  PASSKEY_NOT_FOUND: "The server does not know this passkey: it was removed there.",
  AUTHENTICATION_FAILED: "The server did not accept this passkey. Try again.",
  FAILED_TO_VERIFY_REGISTRATION: "The server did not accept this passkey. Try again.",
  PREVIOUSLY_REGISTERED: "This passkey is in use already.",
  SESSION_NOT_FRESH: "You signed in a while ago. Sign out and in again, then add the passkey.",
};
const OTHERWISE = "This browser could not give a passkey. Try it with another browser or device.";

/** Whether the browser has passkeys at all; without TLS it has none, but for this machine. */
export const hasPasskeys = browserSupportsWebAuthn;

/** What somebody has pressed a button for, or an offer that stands until it is withdrawn. */
interface Wish {
  query: string | null;
  isOffer: boolean;
  isWithdrawn: boolean;
}

/** Whose the browser's ceremony is: there is one at a time. */
let running: Wish | null = null;

/** Sign in with a passkey that the browser asks for; returns what went wrong. */
export function signIn(query: string | null): Promise<string | null> {
  return fulfil({ query, isOffer: false, isWithdrawn: false });
}

/** Offer passkeys beside the addresses that the browser has kept, until the function that is returned is called. */
export function offerWhileTyping(query: string | null, tell: (problem: string) => void): () => void {
  let wish: Wish = { query, isOffer: true, isWithdrawn: false };
  const begin = async (): Promise<void> => {
    wish.isWithdrawn = true;
    wish = { query, isOffer: true, isWithdrawn: false };
    const problem = await fulfil(wish);
    if (problem === null || wish.isWithdrawn) return;
    tell(problem);
    await begin();
  };
  void browserSupportsWebAuthnAutofill().then((can) => can && !wish.isWithdrawn && void begin());
  const timer = setInterval(() => !document.hidden && void begin(), FRESH_SECONDS * 1000);
  return () => {
    wish.isWithdrawn = true;
    clearInterval(timer);
    if (running === wish) WebAuthnAbortService.cancelCeremony();
  };
}

/** One ceremony; an offer fails without a word as long as nobody has taken it. */
async function fulfil(wish: Wish): Promise<string | null> {
  const { query, isOffer } = wish;
  const asked = await get("/api/auth/passkey/generate-authenticate-options");
  if (wish.isWithdrawn) return null;
  if (!asked.data) return isOffer ? null : wordsFor(asked.error);
  let response: AuthenticationResponseJSON;
  try {
    running = wish;
    const optionsJSON = asked.data as unknown as PublicKeyCredentialRequestOptionsJSON;
    // The field for it is there, though perhaps not yet in the document.
    const how = { useBrowserAutofill: isOffer, verifyBrowserAutofillInput: false };
    response = await startAuthentication({ optionsJSON, ...how });
  } catch (error) {
    return isOffer ? null : wordsOf(error);
  }
  const body = { response: { ...response }, ...carriedOn(query) };
  const { data, error } = await post("/api/auth/passkey/verify-authentication", body);
  if (!data) return wordsFor(error);
  return followed(data) ? null : ((await entered(query))?.[WHOLE] ?? null);
}

/** Make a passkey for whoever is signed in; returns what went wrong. */
export async function add(name: string): Promise<string | null> {
  const asked = await get("/api/auth/passkey/generate-register-options");
  if (!asked.data) return wordsFor(asked.error);
  try {
    const optionsJSON = asked.data as unknown as PublicKeyCredentialCreationOptionsJSON;
    const response = (await startRegistration({ optionsJSON })) as unknown as Record<string, never>;
    return outcome(await post("/api/auth/passkey/verify-registration", { name, response }));
  } catch (error) {
    return wordsOf(error);
  }
}

export async function rename(id: string, name: string): Promise<string | null> {
  return outcome(await post("/api/auth/passkey/update-passkey", { id, name }));
}

export async function remove(id: string): Promise<string | null> {
  return outcome(await post("/api/auth/passkey/delete-passkey", { id }));
}

function outcome({ data, error }: Answer<unknown>): string | null {
  return data ? null : wordsFor(error);
}

function wordsFor(error: AuthFailure | null): string {
  return BY_THE_SERVER[error?.code ?? ""] ?? failureOf(error ?? { status: 0 });
}

function wordsOf(error: unknown): string {
  return (error instanceof Error && BY_THE_BROWSER[error.name]) || OTHERWISE;
}
