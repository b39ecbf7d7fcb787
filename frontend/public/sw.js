// Keeps the page, so that it opens without a network. It never touches what the API says: that is private, and
// kept elsewhere. `VERSION` and `FILES` are written here by the build.
const VERSION = "__VERSION__";
const FILES = "__FILES__";
const CACHE = `taskward-${VERSION}`;
const BUILT = "/_next/static/";
const PATIENCE = 4_000;

self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FILES.map((path) => new Request(path, { credentials: "omit" })));
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    // Pages of the build before may still be open, and ask for what they have not loaded yet.
    const others = (await caches.keys()).filter((name) => name.startsWith("taskward-") && name !== CACHE);
    for (const name of others.slice(0, -1)) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (!url.pathname.startsWith(BUILT) && !FILES.includes(url.pathname)) return;
  event.respondWith(request.mode === "navigate" ? freshOrKept(request, url) : keptOrFresh(request, url));
});

/** A page as the server has it now; the kept one if it does not answer soon. */
async function freshOrKept(request, { pathname }) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), PATIENCE);
  try {
    const fresh = await fetch(request, { signal: control.signal });
    // A proxy whose server is away has nothing better to show.
    return fresh.status >= 500 ? ((await keptAt(pathname)) ?? fresh) : fresh;
  } catch {
    return (await keptAt(pathname)) ?? Response.error();
  } finally {
    clearTimeout(timer);
  }
}

async function keptOrFresh(request, { pathname }) {
  return (await keptAt(pathname)) ?? fetch(request);
}

/** As this build has it; only what this one has not, as the one before had it. */
async function keptAt(pathname) {
  return (await (await caches.open(CACHE)).match(pathname)) ?? caches.match(pathname);
}
