import { type ClassValue, clsx } from "clsx";
import { twMerge } from "tailwind-merge";

/** Class names together; of those that contradict each other the last one holds. */
export function cn(...inputs: ClassValue[]): string {
  return twMerge(clsx(inputs));
}
