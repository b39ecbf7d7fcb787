// The end of a build: pages.json tells the server what to send for each path, and with which headers, and the whole
// becomes a folder of the Python package.
//
// The export has inline scripts, whose hashes go into each page's Content-Security-Policy; nothing else may
// run. Pages that nothing happens on lose the scripts of the framework. Compressed copies are made once, here.
// The list is written last, and a build begins by removing it: a build that fails is not served.
import { createHash } from "node:crypto";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const OUT = fileURLToPath(new URL("../out", import.meta.url));
const WEB = fileURLToPath(new URL("../../packages/taskward/src/taskward/web", import.meta.url));
const LIST = "pages.json";
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};
const COMPRESSED = new Set([".css", ".html", ".js", ".svg", ".txt", ".webmanifest"]);
const KEPT_OFFLINE = ["/tasks", "/account", "/sign-in", "/sign-up"];
const PRIVATE = new Set(["consent.html"]);
const WORKER_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'";
const WORKER = "sw.js";
/** What only works with the server, and only where it has these plugins. */
const OF_PLUGINS = /\/api\/auth\/(?:two-factor|passkey)\//;
const SCRIPT = /<script(?<attributes>[^>]*)>(?<code>[\s\S]*?)<\/script>/g;
const INLINE = /<[a-z][^>]*\s(?:style|on[a-z]+)=["']/i;

function sourcesOf(html) {
  const codes = [...html.matchAll(SCRIPT)].filter(({ groups }) => !/\ssrc=/.test(groups.attributes));
  const hashes = codes.map(
    ({ groups }) => `'sha256-${createHash("sha256").update(groups.code).digest("base64")}'`,
  );
  return [...new Set(hashes)].sort().join(" ");
}

function policyOf(file, html) {
  const markup = html.replaceAll(SCRIPT, "");
  const inline = markup.match(INLINE) ?? markup.match(/<style/);
  if (inline) throw new Error(`${file}: the policy would forbid ${inline[0]}`);
  const api = process.env.NEXT_PUBLIC_API_URL;
  return [
    "default-src 'none'",
    `script-src 'self' ${sourcesOf(html)}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    `connect-src 'self'${api ? ` ${new URL(api).origin}` : ""}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function addressOf(file) {
  const path = `/${file.split(sep).join("/")}`;
  return path.endsWith(".html") ? path.slice(0, -".html".length).replace(/^\/index$/, "/") : path;
}

async function entryOf(file) {
  const path = join(OUT, file);
  const content = await readFile(path);
  const kind = extname(file);
  const type = TYPES[kind];
  if (!type) throw new Error(`${file}: which content type is that?`);
  const entry = {
    file,
    type,
    etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
  };
  if (kind === ".html") entry.policy = policyOf(file, content.toString());
  if (file === WORKER) entry.policy = WORKER_POLICY;
  if (PRIVATE.has(file)) entry.private = true;
  entry.immutable = file.startsWith(join("_next", "static"));
  if (COMPRESSED.has(kind)) {
    entry.encodings = ["br", "gzip"];
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    await writeFile(`${path}.br`, brotliCompressSync(content, quality));
    await writeFile(`${path}.gzip`, gzipSync(content, { level: 9 }));
  }
  return entry;
}

/** A page marked as static keeps the one script that is its own. */
async function becomeStatic(file) {
  const path = join(OUT, file);
  const html = await readFile(path, "utf8");
  if (!html.replaceAll(SCRIPT, "").includes("data-static")) return;
  const isOurs = ({ attributes, code }) => !/\ssrc=/.test(attributes) && !code.includes("__next_f");
  const plain = html
    .replaceAll(SCRIPT, (script, ...rest) => (isOurs(rest.at(-1)) ? script : ""))
    .replaceAll(/<link[^>]*rel="(?:preload|modulepreload)"[^>]*as="script"[^>]*>/g, "");
  await writeFile(path, plain);
}

/** The service worker learns which files belong to the pages that it keeps. */
async function fillWorker(files) {
  const kept = new Set(KEPT_OFFLINE);
  const digest = createHash("sha256");
  const forOldBrowsers = new Set();
  for (const page of KEPT_OFFLINE) {
    const html = await readFile(join(OUT, `${page.slice(1)}.html`), "utf8");
    digest.update(html);
    for (const [, path] of html.matchAll(/(?:src|href)="(\/(?:icon|manifest)[^"?]*)"/g)) kept.add(path);
    for (const [tag, path] of html.matchAll(/<script[^>]*\ssrc="([^"?]+)"[^>]*>/g))
      if (/\snoModule/i.test(tag)) forOldBrowsers.add(path);
  }
  // What is loaded later is kept as well: then there may be no server.
  for (const file of files.filter((one) => /^_next.static.+\.(?:js|css|woff2)$/.test(one))) {
    const isLeftOut = forOldBrowsers.has(addressOf(file)) || OF_PLUGINS.test(await textOf(file));
    if (!isLeftOut) kept.add(addressOf(file));
  }
  const worker = await readFile(join(OUT, WORKER), "utf8");
  const filled = worker
    .replace("__VERSION__", digest.digest("base64url").slice(0, 12))
    .replace('"__FILES__"', JSON.stringify([...kept].sort()));
  await writeFile(join(OUT, WORKER), filled);
}

async function textOf(file) {
  return file.endsWith(".js") ? readFile(join(OUT, file), "utf8") : "";
}

const found = await readdir(OUT, { recursive: true, withFileTypes: true });
const files = found.filter((one) => one.isFile()).map((one) => relative(OUT, join(one.parentPath, one.name)));
for (const file of files) if (file.endsWith(".html")) await becomeStatic(file);
await fillWorker(files);
const pages = {};
for (const file of files.sort()) pages[addressOf(file)] = await entryOf(file);
// The list comes last: where it is, everything is.
await rm(WEB, { recursive: true, force: true });
await cp(OUT, WEB, { recursive: true, filter: (path) => path !== join(OUT, LIST) });
await writeFile(join(WEB, LIST), `${JSON.stringify(pages, null, 1)}\n`);
