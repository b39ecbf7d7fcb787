import { type FormEvent, useState } from "react";

export type Problems = Record<string, string>;
type Submit = (values: Record<string, string>, form: HTMLFormElement) => Promise<Problems | null>;

/** The name under which a problem stands that belongs to no field. */
export const WHOLE = "";

/** A form that is sent once at a time; `submit` returns problems by the fields' names, or null. */
export function useForm(submit: Submit) {
  const [problems, setProblems] = useState<Problems>({});
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (busy) return;
    setBusy(true);
    const found = (await submit(valuesOf(form), form)) ?? {};
    setBusy(false);
    setProblems(found);
    const first = Object.keys(found).find((name) => name !== WHOLE);
    if (first) form.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
  };
  // A form that is sent before the page is ready must not put a password into the address.
  return { problems, busy, form: { onSubmit, noValidate: true, method: "post" as const } };
}

function valuesOf(form: HTMLFormElement): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") values[name] = value;
  return values;
}

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
export const PASSWORD_MIN = 8;
const PASSWORD_MAX = 128;

export function emailProblem(email: string): Problems {
  return EMAIL.test(email.trim()) ? {} : { email: "Give an e-mail address, such as ada@example.com." };
}

export function newPasswordProblem(name: string, password: string): Problems {
  if (password.length < PASSWORD_MIN) return { [name]: `At least ${PASSWORD_MIN} characters.` };
  return password.length > PASSWORD_MAX ? { [name]: `At most ${PASSWORD_MAX} characters.` } : {};
}

export function required(values: Record<string, string>, ...names: string[]): Problems {
  const problems: Problems = {};
  for (const name of names) if (!values[name]?.trim()) problems[name] = "This is needed.";
  return problems;
}

export function orNull(problems: Problems): Problems | null {
  return Object.keys(problems).length > 0 ? problems : null;
}
