import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "taskward.theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

export function useTheme(): Theme {
  return useSyncExternalStore<Theme>(subscribe, stored, () => "system");
}

export function chooseNextTheme(): void {
  localStorage.setItem(KEY, NEXT[stored()]);
  window.dispatchEvent(new StorageEvent("storage", { key: KEY }));
}

function stored(): Theme {
  const theme = localStorage.getItem(KEY);
  return theme === "light" || theme === "dark" ? theme : "system";
}

function subscribe(listener: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const update = () => {
    const theme = stored();
    document.documentElement.classList.toggle(
      "dark",
      theme === "dark" || (theme === "system" && system.matches),
    );
    listener();
  };
  system.addEventListener("change", update);
  window.addEventListener("storage", update);
  return () => {
    system.removeEventListener("change", update);
    window.removeEventListener("storage", update);
  };
}
