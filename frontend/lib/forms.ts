import { type FormEvent, useState } from "react";

export type Problems = Record<string, string>;
type Submit = (values: Record<string, string>, form: HTMLFormElement) => Promise<Problems | null>;

/** The name under which a problem stands that belongs to no field. */
export const WHOLE = "";
const UNEXPECTED: Problems = { [WHOLE]: "Something went wrong. Try again." };

/** A form that is sent once at a time; `submit` returns problems by the fields' names, or null. */
export function useForm(submit: Submit) {
  const [problems, setProblems] = useState<Problems>({});
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (busy) return;
    setBusy(true);
    // Whatever is thrown, the button works again.
    const found = (await submit(valuesOf(form), form).catch(() => UNEXPECTED)) ?? {};
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
  if (email.trim() === "") return { email: "Enter your e-mail address." };
  return EMAIL.test(email.trim()) ? {} : { email: "Enter a whole e-mail address, such as ada@example.com." };
}

export function newPasswordProblem(name: string, password: string): Problems {
  if (password === "") return { [name]: "Choose a password." };
  if (password.length < PASSWORD_MIN)
    return { [name]: `Choose a longer password: at least ${PASSWORD_MIN} characters.` };
  return password.length > PASSWORD_MAX
    ? { [name]: `Choose a shorter password: at most ${PASSWORD_MAX} characters.` }
    : {};
}

/** The fields that are empty, each with what to say of it. */
export function required(values: Record<string, string>, sentences: Record<string, string>): Problems {
  return Object.fromEntries(Object.entries(sentences).filter(([name]) => !values[name]?.trim()));
}

export function orNull(problems: Problems): Problems | null {
  return Object.keys(problems).length > 0 ? problems : null;
}
