/** Call `act` when a key is pressed alone, and nobody is typing; returns what ends that. */
export function onPlainKey(key: string, act: () => void): () => void {
  const listen = (event: KeyboardEvent) => {
    const isTyping = (event.target as Element).matches("input:not([type=checkbox]), textarea, dialog *");
    if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    event.preventDefault();
    act();
  };
  window.addEventListener("keydown", listen);
  return () => window.removeEventListener("keydown", listen);
}
