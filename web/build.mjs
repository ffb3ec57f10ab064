// Builds the console: node build.mjs FOLDER. Nothing is fetched; the same sources give the same bytes.
//
// src/entry/NAME.ts   -> FOLDER/NAME.js    (what entries share goes into a chunk of its own)
// src/style/NAME.css  -> FOLDER/NAME.css   (with @import resolved)
// public/*            -> FOLDER/*          (as it is)
// world-atlas         -> FOLDER/land-*.json, the coast line (Natural Earth, public domain)
// FOLDER/manifest.json names every file with its SHA-256, so that a page can ask for exactly this build;
// FOLDER/LICENSES.txt holds the licences of what went in.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2];
if (target === undefined) {
  console.error("usage: node build.mjs FOLDER");
  process.exit(2);
}

const named = (folder, ending) =>
  (existsSync(join(here, folder)) ? readdirSync(join(here, folder)) : [])
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(here, folder, name));

const common = {
  absWorkingDir: here,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  minify: true,
  outdir: target,
  target: ["es2022"],
};

mkdirSync(target, { recursive: true });
const scripts = await build({
  ...common,
  entryPoints: named("src/entry", ".ts"),
  entryNames: "[name]",
  chunkNames: "chunk-[hash]",
  format: "esm",
  splitting: true,
});
await build({ ...common, entryPoints: named("src/style", ".css"), entryNames: "[name]", external: ["*.svg", "*.woff2"] });

if (existsSync(join(here, "public"))) cpSync(join(here, "public"), target, { recursive: true });
const atlas = join(here, "node_modules", "world-atlas");
for (const name of ["land-110m.json", "land-50m.json"]) writeFileSync(join(target, name), readFileSync(join(atlas, name)));

const packages = new Set(["world-atlas"]);
for (const input of Object.keys(scripts.metafile.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.add(found[1]);
}
const licences = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  const text = file === undefined ? "" : `\n\n${readFileSync(join(folder, file), "utf8").trim()}`;
  return `${name} ${version} (${license})${text}\n`;
});
licences.push("Coast line: Natural Earth, public domain.\n");
writeFileSync(join(target, "LICENSES.txt"), licences.join(`\n${"-".repeat(72)}\n\n`));

const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  );
const files = {};
for (const path of walk(target).sort())
  files[relative(target, path)] = createHash("sha256").update(readFileSync(path)).digest("hex");
writeFileSync(join(target, "manifest.json"), `${JSON.stringify(files, null, 1)}\n`);
