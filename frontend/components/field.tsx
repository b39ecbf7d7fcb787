import { type ComponentProps, useId } from "react";
import { Input } from "./ui/input";

export type FieldProps = ComponentProps<"input"> & {
  name: string;
  label: string;
  hint?: string;
  problem?: string | undefined;
};

/** A labelled input with what is wrong with it below. */
export function Field({ label, hint, problem, ...props }: FieldProps) {
  const id = useId();
  const below = problem ?? hint;
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="text-[0.9375rem] font-medium">
        {label}
      </label>
      <Input
        id={id}
        aria-invalid={problem ? true : undefined}
        aria-describedby={below ? `${id}-below` : undefined}
        {...props}
      />
      {below && (
        <p id={`${id}-below`} className={problem ? "text-sm text-danger" : "text-sm text-faded"}>
          {below}
        </p>
      )}
    </div>
  );
}
