// Loaded before a script (`node --import`): fetch keeps cookies, as it does in a page.
import { browser } from "./cookie-jar.mjs";

globalThis.fetch = browser("http://localhost:3000", { cors: false }).fetch;
