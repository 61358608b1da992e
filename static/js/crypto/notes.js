/**
 * The note of a purchase: L under the buyer's own seed, kept by the server, so that B alone opens the
 * purchase in another browser (docs/protocol.md, 3.8).
 * @module
 */

import { hkdf } from '../../vendor/noble-hashes@2.4.0/hkdf.js';
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { utf8, uuidBytes } from './bytes.js';
import { LINK_SECRET_SIZE, openSmall, sealSmall } from './keys.js';

/** @import { Bytes } from './bytes.js' */

/**
 * @param {Bytes} seed  seed_n
 * @param {string} paidFileId
 * @param {Bytes} link  L
 * @returns {Promise<Bytes>} 44 bytes
 */
export function sealNote(seed, paidFileId, link) {
  return sealSmall(noteKey(seed), uuidBytes(paidFileId), link);
}

/**
 * @param {Bytes} seed  seed_n
 * @param {string} paidFileId
 * @param {Bytes} note
 * @returns {Promise<Bytes | null>} L; null if it does not open
 */
export async function openNote(seed, paidFileId, note) {
  const link = await openSmall(noteKey(seed), uuidBytes(paidFileId), note);
  return link?.length === LINK_SECRET_SIZE ? link : null;
}

/** @param {Bytes} seed */
function noteKey(seed) {
  return /** @type {Bytes} */ (hkdf(sha256, seed, new Uint8Array(0), utf8('KIM1 note'), 32));
}
