// The second step of a sign-in, and what is said of it.
import { carriedOn, entered } from "./auth-client";
import { type AuthFailure, failureOf } from "./clients";
import { type Problems, WHOLE } from "./forms";
import { followed } from "./oauth";
import { post } from "./plugins";

export type Kind = "totp" | "backup-code";

/** What became of a code: problems of the form, or why the sign-in must begin anew. */
export interface Verdict {
  problems: Problems | null;
  over?: string;
}

const OVER: Record<string, string> = {
  INVALID_TWO_FACTOR_COOKIE: "That took too long. Enter your password again.",
  TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE: "Too many wrong codes. Enter your password again.",
};
const IN_THE_FIELD: Record<string, string> = {
  INVALID_CODE: "This code is wrong or too old. Enter the one that the app shows now.",
  INVALID_BACKUP_CODE: "This is none of your backup codes, or it was used already.",
};
const LOCKED = "Too many wrong codes. Wait a quarter of an hour, then try again.";

/** Sign in with a code; whoever trusts this device needs none on it for a month. */
export async function verify(
  kind: Kind,
  code: string,
  trustDevice: boolean,
  query: string | null,
): Promise<Verdict> {
  const body = { code, trustDevice, ...carriedOn(query) };
  const { data, error } = await post(`/api/auth/two-factor/verify-${kind}`, body);
  if (error?.code && error.code in OVER) return { problems: null, over: OVER[error.code] ?? "" };
  if (!data) return { problems: codeProblems(error) };
  return { problems: followed(data) ? null : await entered(query) };
}

/** What to tell of a code that was not accepted. */
export function codeProblems(error: AuthFailure | null): Problems {
  const { code = "" } = error ?? {};
  if (code in IN_THE_FIELD) return { code: IN_THE_FIELD[code] ?? "" };
  if (code === "ACCOUNT_TEMPORARILY_LOCKED") return { [WHOLE]: LOCKED };
  return { [WHOLE]: failureOf(error ?? { status: 0 }) };
}

/** As the app shows it, with a space in the middle, or as somebody has pasted it. */
export function digitsOf(text: string): string {
  return text.replace(/\s/g, "");
}

export function digitsProblem(digits: string): Problems | null {
  return /^\d{6}$/.test(digits) ? null : { code: "Enter the six digits that the app shows." };
}
