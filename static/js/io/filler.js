/**
 * Puts the bytes of a stream into buffers of ours, one after another. Where it pays the browser
 * writes straight into them: no chunk is made, copied and thrown away, which saves Chromium a fifth
 * of a download's processor time (docs/benchmarks.md). For streams of the network only: Chromium may
 * collect the stream of a Blob while somebody waits for it, who is then never answered.
 * @module
 */

/** Chromium, where it was measured. Elsewhere the trodden path: chunks, copied. */
const WRITES_INTO = typeof navigator !== 'undefined' && 'userAgentData' in navigator;

/** Shorter would cut slow but living connections; a dead one says no word. */
const STALL_MS = 90_000;

export class Filler {
  /** @type {ReadableStreamBYOBReader | null} */
  #direct = null;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | null} */
  #chunks = null;
  /** @type {Uint8Array} of the chunk that came last, what did not fit */
  #rest = new Uint8Array(0);
  #stallMs;

  /**
   * @param {ReadableStream<Uint8Array>} stream
   * @param {{stallMs?: number, isDirect?: boolean}} [options]  stallMs: how long the stream may stay
   *   silent
   */
  constructor(stream, { stallMs = STALL_MS, isDirect = WRITES_INTO } = {}) {
    this.#stallMs = stallMs;
    try {
      if (isDirect) this.#direct = stream.getReader({ mode: 'byob' });
    } catch {
      // A stream of another kind: it comes in chunks.
    }
    if (!this.#direct) this.#chunks = stream.getReader();
  }

  /**
   * @param {ArrayBuffer} buffer  transferred away; lost if this throws
   * @param {number} size
   * @returns {Promise<{buffer: ArrayBuffer, size: number}>} the same memory, with the next `size`
   *   bytes at its start; with fewer only where the stream ended
   */
  async fill(buffer, size) {
    let memory = buffer;
    let filled = 0;
    while (filled < size) {
      const got = this.#direct
        ? await this.#readInto(this.#direct, new Uint8Array(memory, filled, size - filled))
        : await this.#copyInto(new Uint8Array(memory, filled, size - filled));
      memory = got.buffer;
      if (got.length === 0) break;
      filled += got.length;
    }
    return { buffer: memory, size: filled };
  }

  /** Ends the stream; whoever waits for bytes gets none. */
  cancel() {
    (this.#direct ?? this.#chunks)?.cancel().catch(() => undefined);
  }

  /**
   * @param {ReadableStreamBYOBReader} reader
   * @param {Uint8Array<ArrayBuffer>} target
   * @returns {Promise<Uint8Array<ArrayBuffer>>} what was read; empty at the end
   */
  async #readInto(reader, target) {
    const { value } = await this.#soon(reader.read(target));
    if (!value) throw new DOMException('the stream was cancelled', 'AbortError');
    return /** @type {Uint8Array<ArrayBuffer>} */ (value);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} target
   * @returns {Promise<Uint8Array<ArrayBuffer>>} the part of it that was filled; empty at the end
   */
  async #copyInto(target) {
    while (this.#rest.length === 0) {
      const reader = /** @type {ReadableStreamDefaultReader<Uint8Array>} */ (this.#chunks);
      const { done, value } = await this.#soon(reader.read());
      if (done) return target.subarray(0, 0);
      this.#rest = value;
    }
    const some = this.#rest.subarray(0, target.length);
    target.set(some);
    this.#rest = this.#rest.subarray(some.length);
    return target.subarray(0, some.length);
  }

  /**
   * @template T
   * @param {Promise<T>} read
   * @returns {Promise<T>}
   */
  async #soon(read) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** @type {Promise<never>} */
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('nothing came for long')), this.#stallMs);
    });
    try {
      return await Promise.race([read, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
