/**
 * What will be sealed, as one run of bytes: the files one after another and, for a bundle, the
 * directory behind them. Nothing is read here; workers read the slices.
 * @module
 */

/** @import { Bytes } from '../crypto/bytes.js' */

/**
 * @typedef {object} Tail  the end of a bundle
 * @property {number} size
 * @property {() => Promise<Bytes>} bytes  once every file is hashed
 */

export class Payload {
  #files;
  /** Where each file begins; one more for the end of the last. @type {number[]} */
  #starts;
  #tail;

  /**
   * @param {ReadonlyArray<Blob>} files
   * @param {Tail | null} [tail]
   */
  constructor(files, tail = null) {
    this.#files = files;
    this.#tail = tail;
    this.#starts = [0];
    let end = 0;
    for (const file of files) this.#starts.push((end += file.size));
    this.size = end + (tail?.size ?? 0);
  }

  /**
   * @param {number} from
   * @param {number} to
   * @returns {Promise<Blob[]>} exactly these bytes, in order
   */
  async sources(from, to) {
    /** @type {Blob[]} */
    const sources = [];
    for (const at of this.filesIn(from, to)) {
      const start = this.#starts[at] ?? 0;
      const file = this.#files[at];
      const slice = file?.slice(Math.max(0, from - start), Math.min(file.size, to - start));
      if (slice && slice.size > 0) sources.push(slice);
    }
    const filesEnd = this.#starts.at(-1) ?? 0;
    if (this.#tail && to > filesEnd) {
      const bytes = await this.#tail.bytes();
      sources.push(new Blob([bytes.subarray(Math.max(0, from - filesEnd), to - filesEnd)]));
    }
    return sources;
  }

  /**
   * @param {number} from
   * @param {number} to
   * @returns {number[]} places of the files that have a byte there
   */
  filesIn(from, to) {
    const found = [];
    for (let at = this.#fileAt(from); at < this.#files.length; at += 1) {
      if ((this.#starts[at] ?? 0) >= to) break;
      found.push(at);
    }
    return found;
  }

  /**
   * @param {number} offset
   * @returns {number} the first file that ends behind it
   */
  #fileAt(offset) {
    let [low, high] = [0, this.#files.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle + 1] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
