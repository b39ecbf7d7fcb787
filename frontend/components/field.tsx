import { type ComponentProps, useId } from "react";
import { Input } from "./ui/input";
import { Label } from "./ui/label";

export type FieldProps = ComponentProps<"input"> & {
  name: string;
  label: string;
  hint?: string;
  problem?: string | undefined;
};

/** A labelled input with what is wrong with it below. */
export function Field({ label, hint, problem, ...props }: FieldProps) {
  const id = useId();
  const about = [hint ? `${id}-hint` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return (
    <div className="flex flex-col gap-1.5">
      <Label htmlFor={id}>{label}</Label>
      <Input
        id={id}
        aria-invalid={problem ? true : undefined}
        aria-describedby={about || undefined}
        {...props}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-muted-foreground">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} className="text-sm text-destructive-text">
          {problem}
        </p>
      )}
    </div>
  );
}
