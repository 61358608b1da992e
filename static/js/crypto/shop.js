/**
 * A shop's key K and what follows from it (docs/protocol.md, 3.7). The link of the shop carries K;
 * under K stand the link secrets L of the files that are listed. The server sees the proof only.
 * @module
 */

import { hkdf } from '../../vendor/noble-hashes@2.4.0/hkdf.js';
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, toBase64url, toHex, u32, utf8, uuidBytes } from './bytes.js';
import { LINK_SECRET_SIZE, openSmall, sealSmall } from './keys.js';
import { parseShareFragment } from './links.js';

/** @import { Bytes } from './bytes.js' */

const NO_SALT = new Uint8Array(0);

/**
 * @param {Bytes} root  R
 * @param {number} generation  of the shop: 0 first; the next one after its link has leaked
 * @returns {Bytes} K, 16 bytes
 */
export function shopKey(root, generation) {
  return derive(root, concat(utf8('KIM1 shop'), u32(generation))).slice(0, LINK_SECRET_SIZE);
}

/**
 * @param {Bytes} key  K
 * @returns {string} the proof of having the link; after "Authorization: Shop "
 */
export function shopProof(key) {
  return toBase64url(derive(key, utf8('KIM1 shop access')));
}

/**
 * @param {Bytes} key  K
 * @returns {string} hex; all that the server keeps of K
 */
export function shopAccessHash(key) {
  return toHex(/** @type {Bytes} */ (sha256(derive(key, utf8('KIM1 shop access')))));
}

/**
 * @param {Bytes} key  K
 * @param {{paidFileId: string, generation: number}} place  `generation`: the shop's
 * @param {Bytes} link  L
 * @returns {Promise<Bytes>} 44 bytes
 */
export function sealEntry(key, place, link) {
  return sealSmall(entryKey(key), aadOf(place), link);
}

/**
 * @param {Bytes} key  K
 * @param {{paidFileId: string, generation: number}} place
 * @param {Bytes} entry
 * @returns {Promise<Bytes | null>} L; null if it does not open
 */
export async function openEntry(key, place, entry) {
  const link = await openSmall(entryKey(key), aadOf(place), entry);
  return link?.length === LINK_SECRET_SIZE ? link : null;
}

/**
 * @param {string} origin  "https://host"
 * @param {string} username
 * @param {Bytes} key  K
 */
export function shopLink(origin, username, key) {
  return `${origin}/@${username}#1.${toBase64url(key)}`;
}

/**
 * @param {string} fragment  location.hash of a shop's link
 * @returns {Bytes} K
 * @throws {import('./errors.js').LinkMalformed | import('./errors.js').UnsupportedVersion}
 */
export function parseShopFragment(fragment) {
  return parseShareFragment(fragment);
}

/** @param {Bytes} key  K */
function entryKey(key) {
  return derive(key, utf8('KIM1 shop entry'));
}

/** @param {{paidFileId: string, generation: number}} place */
function aadOf({ paidFileId, generation }) {
  return concat(uuidBytes(paidFileId), u32(generation));
}

/**
 * @param {Bytes} secret
 * @param {Bytes} info
 * @returns {Bytes} 32 bytes
 */
function derive(secret, info) {
  return /** @type {Bytes} */ (hkdf(sha256, secret, NO_SALT, info, 32));
}
