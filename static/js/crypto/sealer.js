/**
 * Seals segments, in any order, and proves each by opening it again before it leaves.
 * @module
 */

import { concat, random } from './bytes.js';
import { Damaged } from './errors.js';
import { inFlight } from './flight.js';
import { importDek, openSegment, sealSegment } from './floe.js';
import { buildBound, Header, ROW_SIZE } from './header.js';
import { keyCommitment } from './index.js';
import { floeOf, unlock } from './keys.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Floe } from './floe.js'
 */

/**
 * @typedef {object} Beginning
 * @property {number} payloadSize  bytes; for a bundle directory.payloadSizeOf(files)
 * @property {boolean} isBundle
 * @property {Bytes} fileId        16 bytes; M is derived with it as salt
 * @property {Bytes} [floeIv]      given by tests only
 * @property {number} [segmentLog2]  given by tests only
 */

/**
 * Makes the core header of a new container.
 * @param {Bytes} key  M
 * @param {Beginning} beginning
 * @returns {Header}
 */
export function begin(key, { floeIv = random(32), ...fields }) {
  const bound = buildBound({ ...fields, floeIv });
  const segmentSize = 2 ** /** @type {number} */ (bound[10]);
  const { headerTag } = floeOf(key, { fileId: fields.fileId, floeIv, bound, segmentSize });
  return new Header(concat(bound, floeIv, headerTag));
}

export class Sealer {
  /** @type {Floe} */
  #floe;
  /** @type {Header} */
  #header;

  /**
   * @param {Header} header
   * @param {Bytes} key  M
   * @throws {import('./errors.js').WrongKey} if it is not the header's
   */
  constructor(header, key) {
    this.#header = header;
    this.#floe = unlock(key, header);
  }

  /**
   * Seals segments first … first+count-1 into `out`, four at a time.
   * @param {number} first
   * @param {number} count
   * @param {(at: number) => Promise<Bytes>} plainOf  plaintext of segment first+at; called in order
   * @param {Bytes} out   header.storedSizeOfRange(first, count) bytes
   * @returns {Promise<Bytes>} the index rows, 64 bytes a segment
   * @throws {Damaged} if this machine miscalculated: the segment did not open to the same bytes
   */
  async seal(first, count, plainOf, out) {
    const rows = new Uint8Array(ROW_SIZE * count);
    const size = this.#header.segmentSize;
    await inFlight(count, async (at) => {
      const target = out.subarray(at * size, Math.min((at + 1) * size, out.length));
      const row = rows.subarray(at * ROW_SIZE, (at + 1) * ROW_SIZE);
      await this.#sealOne(first + at, await plainOf(at), target, row);
    });
    return rows;
  }

  /**
   * Hash and check both read the bytes where they lie in `out`, the very ones that will be sent.
   * @param {number} index
   * @param {Bytes} plain
   * @param {Bytes} out
   * @param {Bytes} row
   */
  async #sealOne(index, plain, out, row) {
    const isFinal = this.#header.isFinal(index);
    const dek = this.#floe.dek(index);
    const key = await importDek(dek);
    await sealSegment(key, index, isFinal, plain, out);
    const [hash, opened] = await Promise.all([
      crypto.subtle.digest('SHA-256', out),
      openSegment(key, index, isFinal, out),
    ]);
    if (!opened || !isSame(opened, plain)) {
      throw new Damaged('this device miscalculated: try again, or on another', { segment: index });
    }
    row.set(new Uint8Array(hash));
    row.set(keyCommitment(this.#header.fileId, index, dek), 32);
  }
}

/**
 * Compares a megabyte in well under a millisecond; not for secrets that somebody could time.
 * @param {Bytes} left
 * @param {Bytes} right
 */
function isSame(left, right) {
  if (left.length !== right.length) return false;
  const isAligned = left.byteOffset % 4 === 0 && right.byteOffset % 4 === 0;
  const wordCount = isAligned ? Math.floor(left.length / 4) : 0;
  if (wordCount > 0) {
    const leftWords = new Int32Array(left.buffer, left.byteOffset, wordCount);
    const rightWords = new Int32Array(right.buffer, right.byteOffset, wordCount);
    for (let at = 0; at < wordCount; at += 1) if (leftWords[at] !== rightWords[at]) return false;
  }
  for (let at = wordCount * 4; at < left.length; at += 1) {
    if (left[at] !== right[at]) return false;
  }
  return true;
}
