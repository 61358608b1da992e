/**
 * Fetches the pinned browser libraries and writes the files the pages need to static/vendor/.
 * A maintainer runs it (`make vendor`) after changing a version below; nothing runs it in CI.
 *
 * It follows imports from each entry, copies only what is reached (with the TypeScript
 * declarations, so that tsc sees types), and rewrites bare specifiers to relative paths: the pages
 * use no import map for these. Imports from @hpke/common's barrel go straight to the defining file,
 * which saves the browser twenty requests. static/vendor/vendor.json names what was written, with
 * hashes; a house test holds the files to it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Package
 * @property {string} name
 * @property {string} version
 * @property {string} licence  SPDX identifier
 * @property {string} root     folder inside the package that the paths below are relative to
 * @property {string} [main]   what the bare specifier stands for
 * @property {string[]} entries
 */

/** @type {Package[]} */
const PACKAGES = [
  {
    name: '@noble/hashes',
    version: '2.4.0',
    licence: 'MIT',
    root: '.',
    entries: ['sha2.js', 'hmac.js', 'hkdf.js', 'argon2.js', 'legacy.js'],
  },
  {
    name: '@hpke/common',
    version: '1.10.1',
    licence: 'MIT',
    root: 'esm',
    main: 'mod.js',
    entries: [],
  },
  {
    name: '@hpke/core',
    version: '1.9.0',
    licence: 'MIT',
    root: 'esm/src',
    entries: ['native.js', 'aeads/aesGcm.js'],
  },
  {
    name: '@scure/bip39',
    version: '2.4.0',
    licence: 'MIT',
    root: '.',
    entries: ['wordlists/english.js'],
  },
  { name: 'idb', version: '8.0.4', licence: 'ISC', root: 'build', entries: ['index.js'] },
  { name: 'uqr', version: '0.1.3', licence: 'MIT', root: 'dist', entries: ['index.mjs'] },
  { name: 'client-zip', version: '2.5.1', licence: 'MIT', root: '.', entries: ['index.js'] },
];

const TARGET = join(dirname(dirname(fileURLToPath(import.meta.url))), 'static', 'vendor');
const IMPORT = /^((?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*)(["'])([^"']+)\2/gm;

const scratch = mkdtempSync(join(tmpdir(), 'kim-vendor-'));
try {
  const sources = new Map(PACKAGES.map((pkg) => [pkg.name, unpack(pkg)]));
  /** @type {Map<string, string>} target path → text */
  const written = new Map();
  for (const pkg of PACKAGES) {
    for (const entry of pkg.entries) copy(pkg, entry, sources, written);
  }
  for (const pkg of PACKAGES) copyLicence(pkg, sources, written);
  write(written);
} finally {
  rmSync(scratch, { recursive: true });
}

/** @param {Package} pkg */
function unpack(pkg) {
  const folder = mkdtempSync(join(scratch, 'p-'));
  const packed = execFileSync(
    'npm',
    ['pack', '--silent', '--pack-destination', folder, `${pkg.name}@${pkg.version}`],
    { encoding: 'utf8' },
  );
  execFileSync('tar', ['xzf', join(folder, packed.trim()), '-C', folder]);
  return join(folder, 'package');
}

/** @param {Package} pkg */
function folderOf(pkg) {
  return `${pkg.name.replace('@', '').replace('/', '-')}@${pkg.version}`;
}

/**
 * Copies one module, its declarations, and everything they import.
 * @param {Package} pkg
 * @param {string} path  relative to pkg.root
 * @param {Map<string, string>} sources
 * @param {Map<string, string>} written
 */
function copy(pkg, path, sources, written) {
  const source = join(/** @type {string} */ (sources.get(pkg.name)), pkg.root, path);
  const target = join(folderOf(pkg), renamed(path));
  if (written.has(target)) return;
  const isTypes = path.endsWith('.d.ts') || path.endsWith('.d.mts');
  written.set(target, '');
  const text = withoutNoise(readFileSync(source, 'utf8')).replace(
    IMPORT,
    (_, head, quote, specifier) => {
      const lines = targetsOf({ pkg, path, head, specifier, isTypes }, sources).map(
        ([names, to, toPath]) => {
          copy(to, isTypes ? typesOf(toPath) : toPath, sources, written);
          const hop = relative(dirname(target), join(folderOf(to), renamed(toPath)));
          return `${names}${quote}${hop.startsWith('.') ? hop : `./${hop}`}${quote}`;
        },
      );
      return lines.join(';\n');
    },
  );
  written.set(target, text);
  const types = typesOf(path);
  if (!isTypes && existsSync(join(dirname(source), types.split('/').at(-1) ?? ''))) {
    copy(pkg, types, sources, written);
  }
}

/**
 * What one import statement becomes: [statement up to the quote, package, path in it].
 * @param {{pkg: Package, path: string, head: string, specifier: string, isTypes: boolean}} found
 * @param {Map<string, string>} sources
 * @returns {Array<[string, Package, string]>}
 */
function targetsOf({ pkg, path, head, specifier, isTypes }, sources) {
  if (specifier.startsWith('.')) {
    const file = specifier.replace(/(?<!\.d)\.ts$/, '.js');
    return [[head, pkg, normalize(join(dirname(path), file))]];
  }
  const to = PACKAGES.find((candidate) => candidate.name === specifier);
  if (!to?.main) throw new Error(`${pkg.name}/${path} imports ${specifier}, which is not listed`);
  const names = /^import\s*\{([^}]*)\}/.exec(head)?.[1];
  if (isTypes || !names) return [[head, to, to.main]];
  const barrel = join(/** @type {string} */ (sources.get(to.name)), to.root);
  /** @type {Map<string, string[]>} */
  const byFile = new Map();
  for (const name of names.split(',').map((part) => part.trim())) {
    if (!name) continue;
    const file = definingFile(barrel, to.main, name);
    byFile.set(file, [...(byFile.get(file) ?? []), name]);
  }
  return [...byFile].map(([file, found]) => [`import { ${found.join(', ')} } from `, to, file]);
}

/**
 * @param {string} folder
 * @param {string} main
 * @param {string} name
 */
function definingFile(folder, main, name) {
  const barrel = readFileSync(join(folder, main), 'utf8');
  for (const [, list, file] of barrel.matchAll(/export (\*|\{[^}]*\}) from "([^"]+)"/g)) {
    const path = normalize(/** @type {string} */ (file));
    const isHere =
      list === '*'
        ? new RegExp(`export (class|const|function) ${name}\\b`).test(
            readFileSync(join(folder, path), 'utf8'),
          )
        : new RegExp(`[{\\s,]${name}[\\s,}]`).test(/** @type {string} */ (list));
    if (isHere) return path;
  }
  throw new Error(`${name} is not exported by ${main}`);
}

/**
 * Source-map references point at files we do not ship, and imports inside examples would be taken
 * for real ones by anything that rewrites static files; so would the fallback for Node 18.
 * @param {string} text
 */
function withoutNoise(text) {
  return text
    .replace(/^\/\/# sourceMappingURL=.*$/gm, '')
    .replace(/^\s*\*\s+(import|export|\} from)\b.*\n/gm, '')
    .replaceAll('await import("crypto")', '{ webcrypto: globalThis.crypto }')
    .trimEnd()
    .concat('\n');
}

/** @param {string} path */
function renamed(path) {
  return path.replace(/\.mjs$/, '.js').replace(/\.d\.mts$/, '.d.ts');
}

/** @param {string} path */
function typesOf(path) {
  if (path.endsWith('.d.ts')) return path;
  return path.endsWith('.mjs') ? path.replace(/\.mjs$/, '.d.mts') : path.replace(/\.js$/, '.d.ts');
}

/**
 * @param {Package} pkg
 * @param {Map<string, string>} sources
 * @param {Map<string, string>} written
 */
function copyLicence(pkg, sources, written) {
  const folder = /** @type {string} */ (sources.get(pkg.name));
  const file = ['LICENSE', 'LICENSE.txt'].find((name) => existsSync(join(folder, name)));
  if (!file) throw new Error(`${pkg.name} has no licence file`);
  written.set(join(folderOf(pkg), 'LICENSE'), readFileSync(join(folder, file), 'utf8'));
}

/** @param {Map<string, string>} written */
function write(written) {
  rmSync(TARGET, { recursive: true, force: true });
  for (const [path, text] of written) {
    mkdirSync(dirname(join(TARGET, path)), { recursive: true });
    writeFileSync(join(TARGET, path), text);
  }
  const packages = PACKAGES.map((pkg) => {
    const paths = [...written.keys()].filter((path) => path.startsWith(`${folderOf(pkg)}/`)).sort();
    const files = Object.fromEntries(paths.map((path) => [path, sha256(written.get(path) ?? '')]));
    return { name: pkg.name, version: pkg.version, licence: pkg.licence, files };
  });
  writeFileSync(join(TARGET, 'vendor.json'), `${JSON.stringify({ packages }, null, 2)}\n`);
  console.log(`${written.size} files written to ${TARGET}`);
}

/** @param {string} text */
function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}
