/**
 * The segments of a sealed file that its creator shows, opened one by one as their bytes arrive, and
 * read by players and previews like the whole file. Where the keys stop, reading stops. A copy that
 * breaks off, is silent or serves other bytes is left for the next.
 *
 * Knows no page: what is fetched is given in, and it is never more than the shown segments.
 * @module
 */
import { concat } from '../crypto/bytes.js';
import { Forged, KimError, Truncated } from '../crypto/errors.js';
import { openShown } from '../crypto/showing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { SegmentKey } from '../crypto/showing.js'
 * @import { Reader } from './windows.js'
 *
 * @typedef {{first: number, count: number, others?: readonly string[]}} Run  neighbouring segments,
 *   fetched in one go; `others`: in how many further copies they lie
 */

const TRIES = 3; // of each copy
const STALL_MS = 90_000;
const STALL_SOON_MS = 15_000; // with another copy at hand

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
  #stallMs;
  /** Which copy is asked, counted round. */
  #turn = 0;
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
   * @param {(run: R, signal: AbortSignal, turn: number) => Promise<ReadableStream<Uint8Array>>}
   *   facts.fetch
   * @param {AbortSignal} facts.signal
   * @param {number} [facts.stallMs]  how long a stream may stay silent
   */
  constructor({ header, rows, keys, runs, fetch, signal, stallMs }) {
    this.#header = header;
    this.#rows = rows;
    this.#fetch = fetch;
    this.#signal = signal;
    this.#stallMs = stallMs;
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
    const copies = 1 + (run.others?.length ?? 0);
    const altered = new Set();
    for (let attempt = 1; ; attempt += 1) {
      const turn = this.#turn;
      try {
        return await this.#pass(run, waiting, turn);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (error instanceof KimError && !(error instanceof Truncated)) altered.add(turn % copies);
        // What is wrong in every copy is wrong for good; a broken line is tried again.
        const isFinal = error instanceof Forged || altered.size >= copies;
        if (isFinal || attempt >= TRIES * copies) throw error;
        if (this.#turn === turn) this.#turn += 1;
      }
    }
  }

  /**
   * @param {R} run
   * @param {Array<PromiseWithResolvers<Bytes>>} waiting
   * @param {number} turn
   */
  async #pass(run, waiting, turn) {
    const reader = (await this.#fetch(run, this.#signal, turn)).getReader();
    const stallMs = this.#stallMs ?? (run.others?.length ? STALL_SOON_MS : STALL_MS);
    let rest = /** @type {Bytes} */ (new Uint8Array(0));
    try {
      for (const [at, { resolve }] of waiting.entries()) {
        const segment = run.first + at;
        const size = this.#header.storedSizeOf(segment);
        /** @type {Uint8Array[]} */
        const pieces = [rest];
        let held = rest.length;
        while (held < size) {
          const { done, value } = await within(stallMs, reader.read());
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

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} reading
 * @returns {Promise<T>}
 */
async function within(ms, reading) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Truncated('the stream stood still')), ms);
  });
  try {
    return /** @type {T} */ (await Promise.race([reading, late]));
  } finally {
    clearTimeout(timer);
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
