/**
 * Opens segments, in any order. What comes out are the committed bytes, opened by the committed
 * key, or nothing.
 * @module
 */

import { isEqual } from './bytes.js';
import { Damaged, Forged, Truncated } from './errors.js';
import { inFlight } from './flight.js';
import { importDek, openSegment } from './floe.js';
import { ROW_SIZE } from './header.js';
import { keyCommitment } from './index.js';
import { unlock } from './keys.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Floe } from './floe.js'
 * @import { Header } from './header.js'
 */

export class Opener {
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
   * Opens segments first … first+count-1, four at a time. `out` may share its buffer with `stored`
   * if it starts at the same byte: plaintext is shorter, and never overtakes what is still to read.
   * @param {number} first
   * @param {Bytes} stored  their stored bytes, one after another
   * @param {Bytes} rows    their index rows
   * @param {Bytes} out     at least as long as their plaintext
   * @returns {Promise<number>} plaintext bytes written
   * @throws {Truncated | Damaged | Forged} naming the segment
   */
  async open(first, stored, rows, out) {
    const count = rows.length / ROW_SIZE;
    const { segmentSize, plainSize } = this.#header;
    const last = first + count - 1;
    const expected = this.#header.storedSizeOfRange(first, count);
    const segment = first + Math.min(Math.floor(stored.length / segmentSize), count - 1);
    if (stored.length < expected) throw new Truncated(`segment ${segment} is cut`, { segment });
    if (stored.length > expected) throw new Damaged('there are bytes too many', { segment: last });
    /** @type {Array<Promise<Bytes>>} */
    const opening = [];
    await inFlight(count, async (at) => {
      const source = stored.subarray(at * segmentSize, Math.min((at + 1) * segmentSize, expected));
      const row = rows.subarray(at * ROW_SIZE, (at + 1) * ROW_SIZE);
      opening[at] = this.openOne(first + at, source, row);
      const plain = await opening[at];
      // In a shared buffer this plaintext lands on the tail of the segment before.
      await opening[at - 1];
      out.set(plain, at * plainSize);
    });
    return this.#header.plainSizeOfRange(first, count);
  }

  /**
   * @param {number} index
   * @param {Bytes} stored
   * @param {Bytes} row
   * @returns {Promise<Bytes>} the plaintext
   * @throws {Damaged} where these are not the committed bytes
   * @throws {Forged} where they are, but the committed key is another or does not open them
   */
  async openOne(index, stored, row) {
    const dek = this.#floe.dek(index);
    const isCommitted = isEqual(keyCommitment(this.#header.fileId, index, dek), row.subarray(32));
    const isFinal = this.#header.isFinal(index);
    const key = await importDek(dek);
    const [hash, plain] = await Promise.all([
      crypto.subtle.digest('SHA-256', stored),
      isCommitted ? openSegment(key, index, isFinal, stored) : null,
    ]);
    if (!isEqual(new Uint8Array(hash), row.subarray(0, 32))) {
      throw new Damaged(`segment ${index} is damaged`, { segment: index });
    }
    if (!isCommitted) {
      throw new Forged(`segment ${index} commits to another key`, { segment: index });
    }
    if (!plain) {
      throw new Forged(`segment ${index} does not open with its key`, { segment: index });
    }
    return plain;
  }
}
