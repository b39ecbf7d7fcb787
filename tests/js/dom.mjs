// A page, for what renders: the DOM of happy-dom under the names that a browser gives it. To be
// imported before React. Requests stay with Node.js's own fetch, and timers and URLs with Node.js.
import { Window } from "happy-dom";

const window = new Window({ url: process.env.ORIGIN ?? "http://localhost:3000" });
const THE_PAGES_OWN = new Set(["window", "document", "navigator", "location", "localStorage", "sessionStorage", "Event", "EventTarget", "CustomEvent"]);

function isMissing(name) {
  return THE_PAGES_OWN.has(name) || !(name in globalThis);
}

function names() {
  return new Set([...Object.getOwnPropertyNames(window), ...Object.getOwnPropertyNames(Object.getPrototypeOf(window))]);
}

function valueOf(name) {
  const value = window[name];
  return typeof value === "function" && !/^[A-Z]/.test(name) ? value.bind(window) : value;
}

for (const name of [...names()].filter(isMissing)) {
  Object.defineProperty(globalThis, name, { value: valueOf(name), configurable: true, writable: true });
}

// A page is left when its tests are done: what it still waits for does not keep the process alive.
export async function leave() {
  await window.happyDOM.close();
}
