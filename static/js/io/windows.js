/**
 * Random access to the plaintext of a sealed file, for players and previews: windows of four
 * segments are fetched by range, checked and opened in workers, two ahead of where somebody reads,
 * and the last 32 MiB are kept. Not one byte leaves that is not the committed one.
 *
 * Knows no network and no page: both are given in.
 * @module
 */
import { Damaged, Forged, Truncated, WrongKey } from '../crypto/errors.js';
import { ROW_SIZE } from '../crypto/header.js';
import { Filler } from './filler.js';
import { SealError, SealPool } from './pool.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Header } from '../crypto/header.js' */

const SEGMENTS = 4; // a window: 1 MiB
const AHEAD = 2;
const KEPT_BYTES = 32 * 2 ** 20;
const TRIES = 4;

/**
 * @typedef {object} Facts
 * @property {Header} header
 * @property {Bytes} rows        of the whole index, checked against content_id before
 * @property {Bytes} contentKey  M
 * @property {() => Worker} spawn  of worker/open.js
 * @property {number} workers
 * @property {(from: number, to: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>}
 *   read  bytes from..to (inclusive) of the container
 * @property {(offset: number) => unknown} [distrust]  the bytes at `offset` were not the committed
 *   ones: the next read comes from another copy, if there is one
 * @property {(offset: number) => unknown} [broke]  the stream at `offset` broke off
 * @property {() => number} [stallMs]  how long a stream may stay silent
 * @property {(attempt: number, signal: AbortSignal) => Promise<void>} pause  before another try
 *
 * @typedef {object} Reader  of one stretch, in order
 * @property {() => Promise<{buffer: ArrayBuffer, offset: number, size: number} | null>} next
 *   a copy, the reader's own; null at the end
 * @property {() => void} cancel  what only this reader wanted is no longer fetched
 *
 * @typedef {object} Window
 * @property {Promise<Bytes>} plain
 * @property {Set<object>} wanting  readers, while it is on its way
 * @property {AbortController} stop
 * @property {boolean} isThere
 */

export class Windows {
  #facts;
  #pool;
  /** @type {Map<number, Window>} by number; the one used last stands last */
  #windows = new Map();
  #keptMost;

  /** @param {Facts} facts */
  constructor(facts) {
    this.#facts = facts;
    const { header, contentKey, workers, spawn } = facts;
    this.#pool = new SealPool(spawn, workers, { core: header.core, contentKey });
    this.#keptMost = Math.max(AHEAD + 2, Math.floor(KEPT_BYTES / (SEGMENTS * header.segmentSize)));
  }

  /**
   * @param {number} from  byte of the payload
   * @param {number} to    inclusive
   * @returns {Reader}
   */
  reader(from, to) {
    const self = {};
    const size = SEGMENTS * this.#facts.header.plainSize;
    const last = Math.floor(to / size);
    let at = from;
    let isCancelled = false;
    return {
      next: async () => {
        if (isCancelled || at > to) return null;
        const number = Math.floor(at / size);
        const window = this.#want(number, self);
        for (let ahead = number + 1; ahead <= Math.min(number + AHEAD, last); ahead += 1) {
          this.#want(ahead, self);
        }
        const plain = await window.plain;
        const start = at - number * size;
        const piece = plain.slice(start, Math.min(plain.length, to + 1 - number * size));
        at += piece.length;
        return { buffer: piece.buffer, offset: 0, size: piece.length };
      },
      cancel: () => {
        isCancelled = true;
        this.#leave(self);
      },
    };
  }

  /**
   * @param {number} from
   * @param {number} to  inclusive
   * @returns {Promise<Bytes>} a whole small stretch
   */
  async bytes(from, to) {
    const whole = new Uint8Array(to - from + 1);
    const reader = this.reader(from, to);
    let filled = 0;
    for (let piece = await reader.next(); piece; piece = await reader.next()) {
      whole.set(new Uint8Array(piece.buffer), filled);
      filled += piece.size;
    }
    return whole;
  }

  close() {
    for (const { stop } of this.#windows.values()) stop.abort();
    this.#windows.clear();
    this.#pool.close();
  }

  /**
   * @param {number} number
   * @param {object} reader
   * @returns {Window}
   */
  #want(number, reader) {
    const window = this.#windows.get(number) ?? this.#begin(number);
    if (!window.isThere) window.wanting.add(reader);
    this.#windows.delete(number);
    this.#windows.set(number, window);
    return window;
  }

  /** @param {number} number */
  #begin(number) {
    const stop = new AbortController();
    /** @type {Window} */
    const window = {
      plain: this.#fetch(number, stop.signal),
      wanting: new Set(),
      stop,
      isThere: false,
    };
    window.plain.then(
      () => {
        window.isThere = true;
        window.wanting.clear();
        this.#forget();
      },
      // The next reader tries anew.
      () => this.#windows.get(number) === window && this.#windows.delete(number),
    );
    return window;
  }

  /** What was used longest ago goes first; what is on its way stays. */
  #forget() {
    const there = [...this.#windows].filter(([, { isThere }]) => isThere);
    for (const [number] of there.slice(0, Math.max(0, there.length - this.#keptMost))) {
      this.#windows.delete(number);
    }
  }

  /** @param {object} reader */
  #leave(reader) {
    for (const [number, window] of this.#windows) {
      const wanted = window.wanting.delete(reader);
      if (!wanted || window.isThere || window.wanting.size > 0) continue;
      this.#windows.delete(number);
      window.stop.abort();
    }
  }

  /**
   * Bytes that are not the committed ones, and streams that break, are asked for again: the source
   * goes to the next copy by itself.
   * @param {number} number
   * @param {AbortSignal} signal
   * @returns {Promise<Bytes>}
   */
  async #fetch(number, signal) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(number, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isFinal = error instanceof Forged || error instanceof WrongKey;
        if (isFinal || attempt + 1 >= TRIES) throw error;
        if (attempt > 0) await this.#facts.pause(attempt - 1, signal);
      }
    }
  }

  /**
   * @param {number} number
   * @param {AbortSignal} signal
   */
  async #once(number, signal) {
    const { header, rows, read } = this.#facts;
    const first = number * SEGMENTS;
    const count = Math.min(SEGMENTS, header.segmentCount - first);
    const size = header.storedSizeOfRange(first, count);
    const from = header.segmentOffset(first);
    const body = await read(from, from + size - 1, signal);
    const buffer = await this.#stored(body, { from, size, signal });
    signal.throwIfAborted();
    const opened = await this.#pool
      .open({
        ...{ first, count, buffer, offset: 0, size },
        rows: rows.slice(first * ROW_SIZE, (first + count) * ROW_SIZE),
      })
      .catch((error) => {
        if (error instanceof SealError && error.code === 'damaged') this.#facts.distrust?.(from);
        throw typed(error);
      });
    if (opened.size !== header.plainSizeOfRange(first, count)) {
      throw new Damaged('a segment opened to another length');
    }
    return new Uint8Array(opened.buffer, opened.offset, opened.size);
  }

  /**
   * @param {ReadableStream<Uint8Array>} body
   * @param {{from: number, size: number, signal: AbortSignal}} stretch
   * @returns {Promise<ArrayBuffer>}
   */
  async #stored(body, { from, size, signal }) {
    const stallMs = this.#facts.stallMs?.();
    const filler = new Filler(body, stallMs ? { stallMs } : {});
    try {
      const filled = await filler.fill(new ArrayBuffer(size), size);
      if (filled.size < size) throw new Truncated('a stretch came back cut');
      return filled.buffer;
    } catch (error) {
      // Nobody wanted it any more: that is no fault of the copy.
      if (!signal.aborted) this.#facts.broke?.(from);
      throw error;
    } finally {
      filler.cancel();
    }
  }
}

/**
 * A worker's failure as the typed error it was there.
 * @param {unknown} error
 */
function typed(error) {
  if (!(error instanceof SealError)) return error;
  const kinds = { damaged: Damaged, forged: Forged, wrong_key: WrongKey, truncated: Truncated };
  const Kind = kinds[/** @type {keyof typeof kinds} */ (error.code)];
  return Kind ? new Kind(error.message) : error;
}
