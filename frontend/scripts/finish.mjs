// The end of a build: out/pages.json tells the server what to send for each path, and with which headers.
//
// The export has inline scripts, whose hashes go into each page's Content-Security-Policy; nothing else may
// run. Compressed copies are made once, here.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const OUT = fileURLToPath(new URL("../out", import.meta.url));
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};
const COMPRESSED = new Set([".css", ".html", ".js", ".svg", ".txt"]);
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
  entry.immutable = file.startsWith(join("_next", "static"));
  if (COMPRESSED.has(kind)) {
    entry.encodings = ["br", "gzip"];
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    await writeFile(`${path}.br`, brotliCompressSync(content, quality));
    await writeFile(`${path}.gzip`, gzipSync(content, { level: 9 }));
  }
  return entry;
}

const found = await readdir(OUT, { recursive: true, withFileTypes: true });
const files = found.filter((one) => one.isFile()).map((one) => relative(OUT, join(one.parentPath, one.name)));
const pages = {};
for (const file of files.sort()) pages[addressOf(file)] = await entryOf(file);
await writeFile(join(OUT, "pages.json"), `${JSON.stringify(pages, null, 1)}\n`);
