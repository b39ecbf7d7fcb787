import { useSyncExternalStore } from "react";

const NEVER_CHANGES = () => () => {};

/** The plugins that the server has, as it says in each page; of others nothing is loaded. */
export function useOffers(): string {
  return useSyncExternalStore(
    NEVER_CHANGES,
    () => document.documentElement.dataset.offers ?? "",
    () => "",
  );
}
