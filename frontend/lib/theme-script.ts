/**
 * Runs before anything is drawn, on every page; as inline script its hash stands in the Content-Security-Policy.
 * It also is all the script of the pages that have no other: it knows whether somebody was signed in here, and
 * follows the choice of a theme wherever there is one.
 */
export const THEME_SCRIPT = `(() => {
  const key = "taskward.theme", root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const apply = () => {
    const theme = read(key) || "system";
    root.classList.toggle("dark", theme === "dark" || (theme === "system" && system.matches));
    root.classList.toggle("known", read("taskward.token") !== null);
    for (const choice of document.querySelectorAll("input[name=theme]")) choice.checked = choice.value === theme;
  };
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("toggle", apply, true);
  document.addEventListener("change", ({ target }) => {
    if (target.name !== "theme") return;
    try { localStorage.setItem(key, target.value); } catch {}
    apply();
  });
})()`;
