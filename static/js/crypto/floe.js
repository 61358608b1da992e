/**
 * FLOE, the random-access AEAD of the C2SP, with AES-256-GCM and HKDF-Expand-SHA-384. KIM1 uses it
 * with a key per segment (rotation mask 0); the published known answers use others, so segment size
 * and mask are arguments here and constants everywhere else.
 * @module
 */

import { hmac } from '../../vendor/noble-hashes@2.4.0/hmac.js';
import { sha384 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, isEqual, readU32, u32, u64, utf8, writeU64 } from './bytes.js';
import { WrongKey } from './errors.js';

/** @import { Bytes } from './bytes.js' */

export const OVERHEAD = 32;
const IV_SIZE = 12;
const PREFIX_SIZE = 4 + IV_SIZE;
const NOT_FINAL = 0xffffffff;
const DEK_PURPOSE = utf8('DEK:');

/**
 * @typedef {object} FloeSettings
 * @property {Bytes} iv   32 bytes
 * @property {Bytes} aad
 * @property {number} segmentSize  encrypted bytes in a full segment
 * @property {number} [rotationMask]  a key serves 2^mask segments
 */

/** The keys of one FLOE message. */
export class Floe {
  /** @type {ReturnType<typeof hmac.create>} */
  #messageKey;
  /** @type {number} */
  #keySpan;
  /** @type {Bytes} */
  #before;
  /** @type {Bytes} */
  #after;

  /**
   * @param {Bytes} key  the FLOE key, 32 bytes
   * @param {FloeSettings} settings
   */
  constructor(key, { iv, aad, segmentSize, rotationMask = 0 }) {
    this.segmentSize = segmentSize;
    const params = concat(Uint8Array.of(0, 0), u32(segmentSize), u32(iv.length));
    this.#before = concat(params, iv);
    this.#after = concat(aad, Uint8Array.of(1));
    this.#keySpan = 2 ** rotationMask;
    const keyed = hmac.create(sha384, key);
    /** Commits to the key, the settings and the associated data. */
    this.headerTag = this.#expand(keyed, utf8('HEADER_TAG:'), 32);
    this.#messageKey = hmac.create(sha384, this.#expand(keyed, utf8('MESSAGE_KEY:'), 48));
  }

  /**
   * @param {Uint8Array} headerTag
   * @throws {WrongKey}
   */
  checkTag(headerTag) {
    if (!isEqual(this.headerTag, headerTag)) throw new WrongKey('the key is not this file’s key');
  }

  /**
   * @param {number} index
   * @returns {Bytes} the key of that segment, 32 bytes
   */
  dek(index) {
    const purpose = new Uint8Array(12);
    purpose.set(DEK_PURPOSE);
    writeU64(purpose, 4, index - (index % this.#keySpan));
    return this.#expand(this.#messageKey, purpose, 32);
  }

  /**
   * @param {ReturnType<typeof hmac.create>} keyed
   * @param {Uint8Array} purpose
   * @param {number} size
   * @returns {Bytes}
   */
  #expand(keyed, purpose, size) {
    const mac = keyed.clone().update(this.#before).update(purpose).update(this.#after);
    return new Uint8Array(mac.digest().subarray(0, size));
  }
}

/**
 * @param {Bytes} dek
 * @returns {Promise<CryptoKey>}
 */
export function importDek(dek) {
  return crypto.subtle.importKey('raw', dek, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/**
 * Seals one segment into `out`, which has exactly the stored size. The IV is fresh random and
 * stored, so sealing a segment again never reuses one.
 * @param {CryptoKey} key
 * @param {number} index
 * @param {boolean} isFinal
 * @param {Bytes} plain
 * @param {Bytes} out
 */
export async function sealSegment(key, index, isFinal, plain, out) {
  new DataView(out.buffer, out.byteOffset).setUint32(0, isFinal ? out.length : NOT_FINAL);
  const iv = crypto.getRandomValues(out.subarray(4, PREFIX_SIZE));
  const sealed = await crypto.subtle.encrypt(gcm(iv, index, isFinal), key, plain);
  out.set(new Uint8Array(sealed), PREFIX_SIZE);
}

/**
 * @param {CryptoKey} key
 * @param {number} index
 * @param {boolean} isFinal
 * @param {Bytes} stored
 * @returns {Promise<Bytes | null>} null where the length word or the tag is wrong
 */
export async function openSegment(key, index, isFinal, stored) {
  if (stored.length < OVERHEAD) return null;
  if (readU32(stored, 0) !== (isFinal ? stored.length : NOT_FINAL)) return null;
  const algorithm = gcm(stored.subarray(4, PREFIX_SIZE), index, isFinal);
  try {
    const body = stored.subarray(PREFIX_SIZE);
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, body));
  } catch {
    return null;
  }
}

/**
 * @param {Bytes} iv
 * @param {number} index
 * @param {boolean} isFinal
 * @returns {AesGcmParams}
 */
function gcm(iv, index, isFinal) {
  const additionalData = concat(u64(index), Uint8Array.of(isFinal ? 1 : 0));
  return { name: 'AES-GCM', iv, additionalData };
}
