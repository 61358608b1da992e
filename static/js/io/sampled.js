/**
 * The segments of a sealed file that its creator shows, opened one by one as their bytes arrive, and
 * read by players and previews like the whole file. Where the keys stop, reading stops.
 *
 * Knows no page: what is fetched is given in, and it is never more than the shown segments.
 * @module
 */
import { concat } from '../crypto/bytes.js';
import { KimError, Truncated } from '../crypto/errors.js';
import { openShown } from '../crypto/showing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { SegmentKey } from '../crypto/showing.js'
 * @import { Reader } from './windows.js'
 *
 * @typedef {{first: number, count: number}} Run  neighbouring segments, fetched in one go
 */

const TRIES = 3;

/** The sample is over here; the rest is for who buys. */
export class SampleEnds extends KimError {
  constructor() {
    super('sample_ends', 'Buy it to see the rest.', 'The sample ends here.');
  }
}

/**
 * @template {Run} R
 */
export class Sampled {
  #header;
  #rows;
  #fetch;
  #signal;
  /** @type {Map<number, SegmentKey>} */
  #keys;
  /** @type {Map<number, R>} the run that brings a segment */
  #runs;
  /** @type {Map<number, Promise<Bytes>>} */
  #opened = new Map();

  /**
   * @param {object} facts
   * @param {Header} facts.header
   * @param {Bytes} facts.rows  of the whole index, checked against content_id before
   * @param {ReadonlyArray<SegmentKey>} facts.keys  checked against the rows before
   * @param {ReadonlyArray<R>} facts.runs
   * @param {(run: R, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>} facts.fetch
   * @param {AbortSignal} facts.signal
   */
  constructor({ header, rows, keys, runs, fetch, signal }) {
    this.#header = header;
    this.#rows = rows;
    this.#fetch = fetch;
    this.#signal = signal;
    this.#keys = new Map(keys.map((key) => [key.segment, key]));
    const places = runs.flatMap((run) =>
      Array.from({ length: run.count }, (_, at) => /** @type {const} */ ([run.first + at, run])),
    );
    this.#runs = new Map(places);
  }

  /** Bytes of the payload from its start on that may be read without a gap. */
  get startSize() {
    let count = 0;
    while (this.#keys.has(count)) count += 1;
    return count === 0 ? 0 : this.#header.plainSizeOfRange(0, count);
  }

  /** @returns {Promise<Bytes>} everything from the start to the first gap */
  async start() {
    const { startSize } = this;
    const pieces = [];
    const reader = this.reader(0, startSize - 1);
    for (let piece = startSize ? await reader.next() : null; piece; piece = await reader.next()) {
      pieces.push(new Uint8Array(piece.buffer));
    }
    return concat(...pieces);
  }

  /**
   * @param {number} from  byte of the payload
   * @param {number} to    inclusive
   * @returns {Reader} that throws SampleEnds where there is no key
   */
  reader(from, to) {
    const { plainSize } = this.#header;
    let at = from;
    let isCancelled = false;
    return {
      next: async () => {
        if (isCancelled || at > to) return null;
        const segment = Math.floor(at / plainSize);
        const plain = await this.#open(segment);
        const start = at - segment * plainSize;
        const piece = plain.slice(start, Math.min(plain.length, to + 1 - segment * plainSize));
        at += piece.length;
        return { buffer: piece.buffer, offset: 0, size: piece.length };
      },
      cancel: () => (isCancelled = true),
    };
  }

  /** @param {number} segment */
  #open(segment) {
    const known = this.#opened.get(segment);
    if (known) return known;
    const run = this.#runs.get(segment);
    if (!run || !this.#keys.has(segment)) return Promise.reject(new SampleEnds());
    this.#bring(run);
    return /** @type {Promise<Bytes>} */ (this.#opened.get(segment));
  }

  /**
   * One fetch for the whole run; each segment is there as soon as its last byte is.
   * @param {R} run
   */
  #bring(run) {
    /** @type {Array<PromiseWithResolvers<Bytes>>} */
    const waiting = Array.from({ length: run.count }, () => promised());
    waiting.forEach(({ promise }, at) => this.#opened.set(run.first + at, promise));
    void this.#attempts(run, waiting).catch((error) => {
      waiting.forEach(({ reject, promise }, at) => {
        reject(error); // those that are there stay
        promise.catch(() => this.#opened.delete(run.first + at)); // and the next reader tries anew
      });
    });
  }

  /**
   * @param {R} run
   * @param {Array<PromiseWithResolvers<Bytes>>} waiting
   */
  async #attempts(run, waiting) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#pass(run, waiting);
      } catch (error) {
        // What is wrong with the bytes is wrong for good; a broken line is tried again.
        this.#signal.throwIfAborted();
        if (error instanceof KimError && !(error instanceof Truncated)) throw error;
        if (attempt === TRIES) throw error;
      }
    }
  }

  /**
   * @param {R} run
   * @param {Array<PromiseWithResolvers<Bytes>>} waiting
   */
  async #pass(run, waiting) {
    const reader = (await this.#fetch(run, this.#signal)).getReader();
    let rest = /** @type {Bytes} */ (new Uint8Array(0));
    try {
      for (const [at, { resolve }] of waiting.entries()) {
        const segment = run.first + at;
        const size = this.#header.storedSizeOf(segment);
        /** @type {Uint8Array[]} */
        const pieces = [rest];
        let held = rest.length;
        while (held < size) {
          const { done, value } = await reader.read();
          if (done) throw new Truncated(`segment ${segment} is cut`, { segment });
          pieces.push(value);
          held += value.length;
        }
        const bytes = concat(...pieces);
        rest = bytes.slice(size);
        const key = /** @type {SegmentKey} */ (this.#keys.get(segment));
        resolve(await openShown(this.#header, this.#rows, key, bytes.slice(0, size)));
      }
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  }
}

/** @returns {PromiseWithResolvers<Bytes>} whose refusal needs no listener */
function promised() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.promise.catch(() => undefined);
  return made;
}
