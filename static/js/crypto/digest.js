/**
 * SHA-256 of bytes that come in pieces: WebCrypto can only hash what lies whole in memory. Slower
 * than WebCrypto, so for the files of a bundle only.
 * @module
 */

import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { toHex } from './bytes.js';

export class StreamDigest {
  #hash = sha256.create();

  /** @param {Uint8Array} piece */
  update(piece) {
    this.#hash.update(piece);
  }

  /** @returns {string} 64 hex digits; nothing may be added after */
  hex() {
    return toHex(this.#hash.digest());
  }
}
