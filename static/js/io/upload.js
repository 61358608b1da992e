/**
 * Seals a file and brings it to the store, several parts at once. This thread only schedules:
 * workers seal, the browser sends. A slot is a credit: one part buffer, sealed, sent, used again.
 * @module
 */
import { ROW_SIZE } from '../crypto/header.js';
import { buildIndex, contentId, rootOf } from '../crypto/index.js';
import { partsOf } from './layout.js';
import { SealError } from './pool.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { Gate } from './gate.js'
 * @import { Part } from './layout.js'
 * @import { Payload } from './payload.js'
 * @import { SealPool } from './pool.js'
 */

/** A slow disk or a card reader may fail once; a file that changed fails every time. */
const READS = 3;

/**
 * @typedef {object} Watch
 * @property {AbortSignal} signal
 * @property {(bytes: number) => void} onProgress
 * @property {(trouble: string | null) => void} onTrouble
 *
 * @typedef {object} Means
 * @property {Payload} payload
 * @property {Header} header
 * @property {Bytes} head       the first header.headerSize bytes
 * @property {number} partSize
 * @property {SealPool} pool
 * @property {number} slots     parts under way at once
 * @property {(number: number, body: XMLHttpRequestBodyInit, watch: Watch) =>
 *   Promise<string | null>} send  answers with the store's ETag, if it could be seen
 * @property {AbortSignal} signal
 * @property {Gate} gate      closed while the person pauses
 * @property {Map<number, Bytes>} kept  rows of the parts that the store has already
 * @property {(part: Part, rows: Bytes, etag: string | null) => void} onPart  acknowledged just now
 * @property {(bytes: number) => void} onProgress  acknowledged and in flight, of header.totalSize
 * @property {(trouble: string | null) => void} onTrouble
 *
 * @typedef {{buffer: ArrayBuffer, blob?: Blob}} Filled  blob: all of the part, where a worker made one
 */

/**
 * Chromium sends a Blob five times faster than a typed array; Firefox frees Blobs late, and Safari
 * may never finish one.
 */
const SENDS_BLOBS = typeof navigator !== 'undefined' && 'userAgentData' in navigator;

/** @param {Bytes} bytes */
function bodyOf(bytes) {
  return SENDS_BLOBS ? new Blob([bytes]) : bytes;
}

/**
 * Chromium keeps the bytes of a sent Blob until this thread's garbage is collected, and a thread that
 * only schedules makes hardly any: forty parts lay about. Memory that is asked for and dropped, never
 * touched, lets it look (646 to 456 MB above idle at 1 GiB, docs/benchmarks.md).
 * @param {number} bytes
 */
function letGo(bytes) {
  if (SENDS_BLOBS) void new ArrayBuffer(bytes);
}

/** One file on its way. */
export class Upload {
  #means;
  /** @type {Bytes} */
  #rows;
  /** @type {Part[]} */
  #parts;
  #next = 0;
  #acknowledged = 0;
  /** @type {Map<number, number>} */
  #inFlight = new Map();
  #unsealed;
  /** @type {PromiseWithResolvers<void>} */
  #allSealed = withResolvers();
  #stop = new AbortController();
  /** @type {Promise<Bytes> | null} */
  #root = null;
  /** @type {Bytes | null} */
  #index = null;

  /** @param {Means} means */
  constructor(means) {
    this.#means = means;
    this.#rows = new Uint8Array(ROW_SIZE * means.header.segmentCount);
    this.#unsealed = means.header.segmentCount;
    this.#parts = [];
    for (const part of partsOf(means.header, means.partSize)) {
      const rows = means.kept.get(part.number);
      if (rows) this.#takeKept(part, rows);
      else this.#parts.push(part);
    }
    if (this.#unsealed === 0) this.#allSealed.resolve();
    this.#allSealed.promise.catch(() => undefined);
  }

  /** Bytes that the store has acknowledged, now or on an earlier visit. */
  get acknowledged() {
    return this.#acknowledged;
  }

  /**
   * @param {Part} part
   * @param {Bytes} rows
   */
  #takeKept(part, rows) {
    this.#rows.set(rows, ROW_SIZE * part.firstSegment);
    this.#unsealed -= part.segmentCount;
    this.#acknowledged += part.size;
  }

  /**
   * @returns {Promise<Bytes>} content_id, once the store has acknowledged every part
   * @throws what the first failing part threw, or the signal's reason
   */
  async run() {
    const { header, signal, slots } = this.#means;
    const cancel = () => this.#fail(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const count = Math.min(slots, this.#parts.length);
      await Promise.all(Array.from({ length: count }, () => this.#slot()));
      return contentId(header, await this.#rootOf());
    } catch (error) {
      this.#fail(error);
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** @param {unknown} reason */
  #fail(reason) {
    this.#stop.abort(reason);
    this.#allSealed.reject(reason);
  }

  /** @returns {Promise<Bytes>} once every row is there; hashed once, however many ask */
  #rootOf() {
    this.#root ??= rootOf(this.#means.header, this.#rows);
    return this.#root;
  }

  /** One part after another through one buffer. */
  async #slot() {
    let buffer = new ArrayBuffer(Math.min(this.#means.partSize, this.#means.header.totalSize));
    for (;;) {
      const part = this.#parts[this.#next];
      if (!part) return;
      this.#next += 1;
      const memory = buffer;
      const filled = await this.#means.gate.pass(this.#stop.signal, () => this.#fill(part, memory));
      this.#stop.signal.throwIfAborted();
      buffer = filled.buffer;
      await this.#send(part, filled.blob ?? bodyOf(new Uint8Array(buffer, 0, part.size)));
    }
  }

  /**
   * @param {Part} part
   * @param {ArrayBuffer} buffer
   * @returns {Promise<Filled>} the same memory, with the part's bytes in it
   */
  async #fill(part, buffer) {
    const { head } = this.#means;
    const filled = part.segmentCount > 0 ? await this.#seal(part, buffer) : { buffer };
    const bytes = new Uint8Array(filled.buffer);
    if (part.holdsHead) bytes.set(head);
    if (part.indexSize > 0) {
      await this.#allSealed.promise;
      const { header } = this.#means;
      const root = await this.#rootOf();
      this.#index ??= buildIndex(header, this.#rows, root);
      const from = part.start + part.size - part.indexSize - header.indexOffset;
      bytes.set(this.#index.subarray(from, from + part.indexSize), part.size - part.indexSize);
    }
    return filled;
  }

  /**
   * @param {Part} part
   * @param {ArrayBuffer} buffer
   * @returns {Promise<Filled>}
   */
  async #seal(part, buffer) {
    const { header, payload, pool } = this.#means;
    const { firstSegment: first, segmentCount: count, segmentsAt: offset } = part;
    const from = first * header.plainSize;
    const to = Math.min(header.payloadSize, (first + count) * header.plainSize);
    const isBlob = SENDS_BLOBS && !part.holdsHead && part.indexSize === 0;
    let memory = buffer;
    for (let read = 1; ; read += 1) {
      try {
        const sources = await payload.sources(from, to);
        const work = { first, count, sources, buffer: memory, offset, isBlob };
        const sealed = await pool.seal(work);
        this.#rows.set(sealed.rows, ROW_SIZE * first);
        this.#unsealed -= count;
        if (this.#unsealed === 0) this.#allSealed.resolve();
        return sealed;
      } catch (error) {
        const again = error instanceof SealError && error.code === 'unreadable' && error.buffer;
        if (!again || read >= READS) throw error;
        memory = again;
      }
    }
  }

  /**
   * @param {Part} part
   * @param {XMLHttpRequestBodyInit} body
   */
  async #send(part, body) {
    const { gate, send, onTrouble, onPart } = this.#means;
    const etag = await gate.pass(this.#stop.signal, (signal) =>
      send(part.number, body, {
        signal,
        onTrouble,
        onProgress: (sent) => {
          this.#inFlight.set(part.number, Math.min(sent, part.size));
          this.#tell();
        },
      }).catch((error) => {
        this.#inFlight.delete(part.number); // cut off: it will be sent again
        this.#tell();
        throw error;
      }),
    );
    letGo(part.size);
    this.#inFlight.delete(part.number);
    this.#acknowledged += part.size;
    const from = ROW_SIZE * part.firstSegment;
    onPart(part, this.#rows.slice(from, from + ROW_SIZE * part.segmentCount), etag);
    this.#tell();
  }

  #tell() {
    let bytes = this.#acknowledged;
    for (const sent of this.#inFlight.values()) bytes += sent;
    this.#means.onProgress(bytes);
  }
}

/**
 * Promise.withResolvers, which Safari before 17.4 lacks.
 * @returns {PromiseWithResolvers<void>}
 */
function withResolvers() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
