/** Runs before anything is drawn; as inline script its hash stands in the Content-Security-Policy. */
export const THEME_SCRIPT = `(() => {
  let theme = null;
  try { theme = localStorage.getItem("taskward.theme"); } catch {}
  const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})()`;
