/**
 * The files of a bundle as their bytes pass by: each one's SHA-256 is compared with the directory,
 * and, if wanted, they come out as a zip archive: stored, not packed, so that its length is known
 * before (client-zip; zip64 beyond 4 GiB).
 * @module
 */
import { makeZip, predictLength } from '../../vendor/client-zip@2.5.1/index.js';
import { StreamDigest } from '../crypto/digest.js';
import { checkFile } from '../crypto/directory.js';
import { CannotZip } from '../crypto/errors.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Entry } from '../crypto/directory.js' */

/** The oldest time that an archive can say: a bundle knows none, and equal files stay equal. */
const THEN = new Date(1980, 0, 1);
const NAME_BYTES = 65_535;
/** Controls, and marks that turn the reading direction round so that ".exe" looks harmless. */
const UNSAFE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Names in the archive: the directory's own, but for what could deceive or leave the folder.
 * @param {ReadonlyArray<string>} paths  checked by crypto/directory.js
 * @returns {string[]}
 * @throws {CannotZip}
 */
export function namesOf(paths) {
  const taken = new Set();
  return paths.map((path) => {
    const safe = path.replace(UNSAFE, '_').replace(/^([A-Za-z]):/, '$1_');
    let name = safe;
    for (let nth = 2; taken.has(name); nth += 1) name = `${safe} (${nth})`;
    taken.add(name);
    if (new TextEncoder().encode(name).length > NAME_BYTES) {
      throw new CannotZip('a name is too long for a zip archive');
    }
    return name;
  });
}

/**
 * @param {ReadonlyArray<Entry>} entries
 * @returns {number} bytes of the archive, exactly
 * @throws {CannotZip}
 */
export function zipSize(entries) {
  const names = namesOf(entries.map(({ path }) => path));
  return Number(predictLength(entries.map(({ size }, at) => ({ name: names[at], size }))));
}

/** Compares every file with the directory; the bytes go through as they are. */
export class Checker {
  #entries;
  #at = 0;
  #left = 0;
  #digest = new StreamDigest();

  /** @param {ReadonlyArray<Entry>} entries  one after another in the payload */
  constructor(entries) {
    this.#entries = entries;
    this.#left = entries[0]?.size ?? 0;
  }

  /**
   * @param {Bytes} bytes  the next of the payload
   * @returns {Bytes[]} cut where files end
   * @throws {import('../crypto/errors.js').Forged} naming the file
   */
  add(bytes) {
    const cut = [];
    for (let rest = bytes; rest.length > 0;) {
      this.#passEnds();
      const piece = rest.subarray(0, this.#left);
      if (piece.length === 0) throw new RangeError('more bytes than the directory names');
      this.#digest.update(piece);
      this.#left -= piece.length;
      rest = rest.subarray(piece.length);
      cut.push(piece);
    }
    // A file is judged as soon as its last byte is there, so that nothing of the next one is kept.
    if (this.#left === 0) this.#passEnds();
    return cut;
  }

  /** @throws {RangeError} unless every file came to its end */
  end() {
    this.#passEnds();
    if (this.#at < this.#entries.length) throw new RangeError('a file of the bundle is cut');
  }

  #passEnds() {
    for (let entry = this.#entries[this.#at]; entry && this.#left === 0;) {
      checkFile(entry, this.#digest.hex());
      this.#digest = new StreamDigest();
      this.#at += 1;
      entry = this.#entries[this.#at];
      this.#left = entry?.size ?? 0;
    }
  }
}

/** The same, and what comes out is an archive. */
export class Zipper {
  #entries;
  #checker;
  /** @type {Bytes[]} bytes that wait for the archive */
  #incoming = [];
  #wake = () => {};
  /** @type {Bytes[]} of the archive, that wait to be fetched */
  #made = [];
  #making;
  /** @type {unknown} */
  #failure = null;

  /** @param {ReadonlyArray<Entry>} entries */
  constructor(entries) {
    this.#entries = entries;
    this.#checker = new Checker(entries);
    this.#making = this.#make();
    this.#making.catch((error) => (this.#failure = error));
  }

  /**
   * @param {Bytes} bytes  the next of the payload; the archive keeps it until it is written
   * @returns {Promise<Bytes[]>} what is there of the archive by now
   */
  async add(bytes) {
    if (this.#failure) throw this.#failure;
    this.#incoming.push(...this.#checker.add(bytes));
    this.#wake();
    return this.#made.splice(0);
  }

  /** @returns {Promise<Bytes[]>} the rest of it */
  async end() {
    this.#checker.end();
    this.#wake();
    await this.#making;
    return this.#made.splice(0);
  }

  async #make() {
    const reader = makeZip(this.#files()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#made.push(/** @type {Bytes} */ (value));
    }
  }

  *#files() {
    const names = namesOf(this.#entries.map(({ path }) => path));
    for (const [at, { size }] of this.#entries.entries()) {
      yield { name: names[at], lastModified: THEN, size, input: this.#contentOf(size) };
    }
  }

  /**
   * @param {number} size
   * @returns {ReadableStream<Bytes>}
   */
  #contentOf(size) {
    let left = size;
    return new ReadableStream(
      {
        pull: async (controller) => {
          if (left > 0) {
            const piece = await this.#next();
            left -= piece.length;
            controller.enqueue(piece);
          }
          if (left === 0) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** @returns {Promise<Bytes>} */
  async #next() {
    for (;;) {
      const piece = this.#incoming.shift();
      if (piece) return piece;
      await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    }
  }
}
