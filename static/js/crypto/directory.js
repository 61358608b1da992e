/**
 * The directory of a bundle: the files lie one after another in the payload, then the directory,
 * then its length as u64. It comes from a stranger, so everything is checked before it is used.
 * @module
 */

import { concat, fromUtf8, readU64, u64, utf8 } from './bytes.js';
import { BadDirectory, Forged, UnsupportedVersion } from './errors.js';

/** @import { Bytes } from './bytes.js' */

export const LENGTH_SIZE = 8;
const MAX_SIZE = 64 * 2 ** 20;

/**
 * @typedef {object} BundleFile
 * @property {string} path    relative, "/"-separated, NFC
 * @property {number} size    bytes
 * @property {string} type    MIME type, '' if unknown
 * @property {string} sha256  64 hex digits
 */

/** @typedef {BundleFile & {offset: number}} Entry  offset: in the payload */

/**
 * @param {ReadonlyArray<BundleFile>} files  in payload order
 * @returns {Bytes} the end of the payload: directory and length
 * @throws {BadDirectory} if a path breaks the rules
 */
export function buildDirectory(files) {
  checkPaths(files.map((file) => file.path));
  const members = files.map(({ path, size, type, sha256 }) => ({ path, size, type, sha256 }));
  const json = utf8(JSON.stringify({ v: 1, files: members }));
  if (json.length > MAX_SIZE) throw new BadDirectory('too many files for one bundle');
  return concat(json, u64(json.length));
}

/**
 * Known before any file is hashed: hashes have fixed width.
 * @param {ReadonlyArray<Omit<BundleFile, 'sha256'>>} files
 * @returns {number} bytes of the whole payload
 * @throws {BadDirectory}
 */
export function payloadSizeOf(files) {
  const end = buildDirectory(files.map((file) => ({ ...file, sha256: '0'.repeat(64) })));
  return files.reduce((sum, file) => sum + file.size, end.length);
}

/**
 * @param {Uint8Array} lengthMark  the last 8 bytes of the payload
 * @param {number} payloadSize
 * @returns {number} bytes of the directory, which ends where the mark begins
 * @throws {BadDirectory}
 */
export function directorySize(lengthMark, payloadSize) {
  const size = lengthMark.length === LENGTH_SIZE ? readU64(lengthMark, 0) : Infinity;
  if (size > Math.min(payloadSize - LENGTH_SIZE, MAX_SIZE)) {
    throw new BadDirectory('the directory has an impossible length');
  }
  return size;
}

/**
 * @param {Uint8Array} bytes  without the length mark
 * @param {number} payloadSize
 * @returns {Entry[]}
 * @throws {BadDirectory | UnsupportedVersion}
 */
export function parseDirectory(bytes, payloadSize) {
  let value;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw new BadDirectory('the directory is not JSON', { cause });
  }
  if (!Number.isInteger(value?.v)) throw new BadDirectory('the directory is incomplete');
  if (value.v !== 1) throw new UnsupportedVersion('the directory is of a newer version');
  if (!Array.isArray(value.files) || !value.files.every(isFile)) {
    throw new BadDirectory('the directory is incomplete');
  }
  /** @type {BundleFile[]} */
  const files = value.files;
  checkPaths(files.map((file) => file.path));
  let offset = 0;
  const entries = files.map(({ path, size, type, sha256 }) => {
    const entry = { path, size, type, sha256, offset };
    offset += size;
    return entry;
  });
  if (offset + bytes.length + LENGTH_SIZE !== payloadSize) {
    throw new BadDirectory('the sizes do not add up');
  }
  return entries;
}

/**
 * @param {Entry} entry
 * @param {string} sha256  of the bytes that came out, 64 hex digits
 * @throws {Forged} if the directory, which is part of what was sold, says otherwise
 */
export function checkFile(entry, sha256) {
  if (entry.sha256 !== sha256) throw new Forged(`${entry.path} is not what the directory says`);
}

/**
 * @param {ReadonlyArray<string>} paths
 * @throws {BadDirectory}
 */
export function checkPaths(paths) {
  const known = new Set(paths);
  if (known.size !== paths.length) throw new BadDirectory('two files have the same path');
  for (const path of paths) {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new BadDirectory('a path has an empty, "." or ".." part');
    }
    if (path.includes('\\') || path.includes('\0')) {
      throw new BadDirectory('a path holds a backslash or a NUL');
    }
    if (!path.isWellFormed() || path.normalize('NFC') !== path) {
      throw new BadDirectory('a path is not in Unicode’s form NFC');
    }
    for (let depth = 1; depth < parts.length; depth += 1) {
      if (known.has(parts.slice(0, depth).join('/'))) {
        throw new BadDirectory('a path is both a file and a folder');
      }
    }
  }
}

/** @param {any} value */
function isFile(value) {
  return (
    typeof value?.path === 'string' &&
    typeof value.type === 'string' &&
    typeof value.sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(value.sha256) &&
    Number.isSafeInteger(value.size) &&
    value.size >= 0
  );
}
