/**
 * META_LINK: title and names, readable with the link alone. For display only, since anybody who has
 * the link could have written it.
 * @module
 */

import { concat, fromUtf8, utf8 } from './bytes.js';
import { Damaged, UnsupportedVersion, WrongKey } from './errors.js';
import { metaKey, openSmall, sealSmall } from './keys.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 */

const PADDED_TO = 256;
const MAX_FILES = 50;
const TYPE = 3;

/**
 * @typedef {object} Meta
 * @property {string} title
 * @property {string} name   of the file, or of the folder of a bundle
 * @property {string} type   MIME type; '' for a bundle
 * @property {Array<{path: string, size: number}>} files  at most the first 50; [] for a single file
 * @property {number} count  how many files there are in all
 */

/**
 * @param {Meta} meta
 * @param {Bytes} link  L
 * @param {Header} header
 * @returns {Promise<Bytes>} the record's value
 */
export async function sealMeta(meta, link, header) {
  const { title, name, type, files, count } = meta;
  const json = utf8(
    JSON.stringify({ v: 1, title, name, type, files: files.slice(0, MAX_FILES), count }),
  );
  const padded = new Uint8Array(Math.ceil(json.length / PADDED_TO) * PADDED_TO).fill(0x20);
  padded.set(json);
  return sealSmall(metaKey(link, header.fileId), aadOf(header), padded);
}

/**
 * @param {Bytes} sealed
 * @param {Bytes} link  L
 * @param {Header} header
 * @returns {Promise<Meta>}
 * @throws {WrongKey} if the link is not this container's
 * @throws {UnsupportedVersion | Damaged}
 */
export async function openMeta(sealed, link, header) {
  const padded = await openSmall(metaKey(link, header.fileId), aadOf(header), sealed);
  if (!padded) throw new WrongKey('the link does not belong to this file');
  let value;
  try {
    value = JSON.parse(fromUtf8(padded));
  } catch (cause) {
    throw new Damaged('the description is not JSON', { cause });
  }
  if (value?.v !== 1) throw new UnsupportedVersion('the description is of a newer version');
  if (!isMeta(value)) throw new Damaged('the description is incomplete');
  const { title, name, type, files, count } = value;
  return { title, name, type, files: files.map(({ path, size }) => ({ path, size })), count };
}

/** @param {Header} header */
function aadOf(header) {
  return concat(utf8('KIM1 meta'), Uint8Array.of(TYPE), header.core);
}

/**
 * @param {any} value
 * @returns {value is Meta}
 */
function isMeta(value) {
  const isText = [value.title, value.name, value.type].every((text) => typeof text === 'string');
  return isText && isCount(value.count) && Array.isArray(value.files) && value.files.every(isFile);
}

/** @param {any} value */
function isFile(value) {
  return typeof value?.path === 'string' && isCount(value.size);
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}
