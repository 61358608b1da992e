/**
 * The way back: one streamed GET, cut into groups of segments as it arrives, opened in workers, and
 * handed to a sink in order. Memory is a handful of buffers, whatever the file's size. A stretch
 * that breaks is asked for again from where it broke; bytes that are not the committed ones are
 * asked for once more, then named.
 *
 * Knows no network and no page: both are given in.
 * @module
 */
import { Damaged, Forged, Truncated, WrongKey } from '../crypto/errors.js';
import { ROW_SIZE } from '../crypto/header.js';
import { Filler } from './filler.js';
import { SealError, SealPool } from './pool.js';
import { Rate } from './rate.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Header } from '../crypto/header.js' */
/** @import { Sink } from './sinks.js' */

const GROUP = 4; // segments a job: 1 MiB
const SPARE_BUFFERS = 3;
const SAY_MS = 120;

/**
 * @typedef {object} Progress
 * @property {number} done   plaintext bytes written
 * @property {number} total
 * @property {number} bytesPerSecond
 * @property {number | null} secondsLeft
 * @property {string} trouble  empty while all is well
 *
 * @typedef {object} Facts
 * @property {Header} header
 * @property {Bytes} rows        of the whole index, checked against content_id before
 * @property {Bytes} contentKey  M
 * @property {Sink} sink
 * @property {() => Worker} spawn  of worker/open.js
 * @property {number} workers
 * @property {(from: number, to: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>}
 *   read  bytes from..to (inclusive) of the container; re-signs and picks a copy by itself; throws
 *   only what trying again cannot mend
 * @property {(attempt: number, signal: AbortSignal) => Promise<void>} pause  before another try
 * @property {(progress: Progress) => void} [tell]
 * @property {AbortSignal} signal
 */

/** A group of segments on its way: where it stands, and the buffer it comes in. */
class Group {
  /**
   * @param {Header} header
   * @param {number} first
   */
  constructor(header, first) {
    this.first = first;
    this.count = Math.min(GROUP, header.segmentCount - first);
    this.from = header.segmentOffset(first);
    this.storedBytes = header.storedSizeOfRange(first, this.count);
    this.plainBytes = header.plainSizeOfRange(first, this.count);
  }
}

export class Download {
  #facts;
  #pool;
  #rate = new Rate();
  #done = 0;
  #saidAt = 0;
  #trouble = '';
  /** @type {ArrayBuffer[]} */
  #spare;
  /** @type {Array<() => void>} */
  #wanting = [];
  /** The writes, one after another: the sink takes its bytes in order. */
  #tail = Promise.resolve();
  /** @type {unknown} */
  #failure = null;
  #stop = new AbortController();

  /** @param {Facts} facts */
  constructor(facts) {
    this.#facts = facts;
    const { header, contentKey, workers, spawn } = facts;
    this.#pool = new SealPool(spawn, workers, { core: header.core, contentKey });
    this.#spare = Array.from(
      { length: 2 * workers + SPARE_BUFFERS },
      () => new ArrayBuffer(GROUP * header.segmentSize),
    );
    facts.signal.addEventListener('abort', () => this.#fail(facts.signal.reason), { once: true });
  }

  /**
   * Reads, opens and writes the whole payload, and finishes the sink under `name`; on any failure
   * the sink is discarded.
   * @param {string} name
   * @returns {Promise<number>} bytes written: exactly the payload's
   * @throws {import('../crypto/errors.js').KimError | import('./sinks.js').CannotSave | DOMException}
   */
  async run(name) {
    const { header, sink, signal } = this.#facts;
    try {
      signal.throwIfAborted();
      await this.#readAll();
      await this.#tail;
      if (this.#failure) throw this.#failure;
      if (this.#done !== header.payloadSize) {
        throw new Truncated(`${this.#done} of ${header.payloadSize} bytes arrived`);
      }
      await sink.finish(name);
      this.#say(true);
      return this.#done;
    } catch (error) {
      await sink.discard();
      throw this.#failure ?? error;
    } finally {
      this.#stop.abort();
      this.#pool.close();
    }
  }

  /** Streams from the first group that was not taken yet, for as long as it takes. */
  async #readAll() {
    const { header, pause } = this.#facts;
    let next = 0;
    for (let attempt = 0; next < header.segmentCount; attempt += 1) {
      if (this.#failure) throw this.#failure;
      const before = next;
      try {
        next = await this.#stream(next);
      } catch (error) {
        if (this.#failure) throw this.#failure;
        if (!(error instanceof Interrupted)) throw error;
        next = error.next;
        if (next > before) attempt = 0;
        this.#trouble = 'The connection broke. Going on where it stopped.';
        this.#say(true);
        await pause(attempt, this.#stop.signal);
      }
    }
  }

  /**
   * @param {number} first  segment
   * @returns {Promise<number>} the segment after the last one taken
   * @throws {Interrupted} with the segment to go on from
   */
  async #stream(first) {
    const { header, read } = this.#facts;
    const from = header.segmentOffset(first);
    const body = await read(from, header.indexOffset - 1, this.#stop.signal);
    const filler = new Filler(body);
    let next = first;
    try {
      while (next < header.segmentCount) {
        const group = new Group(header, next);
        this.#open(group, await this.#fill(filler, group));
        next += group.count;
      }
      return next;
    } catch (error) {
      if (this.#failure) throw error;
      throw new Interrupted(next, error);
    } finally {
      filler.cancel();
    }
  }

  /**
   * @param {Filler} filler
   * @param {Group} group
   * @returns {Promise<ArrayBuffer>} with all of the group's stored bytes
   */
  async #fill(filler, { storedBytes }) {
    const taken = await this.#take();
    let filled;
    try {
      filled = await filler.fill(taken, storedBytes);
    } catch (error) {
      // The memory went with the stream.
      this.#give(new ArrayBuffer(GROUP * this.#facts.header.segmentSize));
      throw error;
    }
    if (filled.size < storedBytes) {
      this.#give(filled.buffer);
      throw new Truncated('the stream ended early');
    }
    this.#trouble = '';
    return filled.buffer;
  }

  /**
   * @param {Group} group
   * @param {ArrayBuffer} buffer
   */
  #open(group, buffer) {
    const opening = this.#openTwice(group, buffer);
    // Somebody listens from the start: a failure while earlier groups are written is no surprise.
    opening.catch((error) => this.#fail(error));
    this.#tail = this.#tail
      .then(async () => {
        const opened = await opening;
        if (this.#failure) return;
        const { offset, size } = opened;
        if (size !== group.plainBytes) throw new Damaged('a segment opened to another length');
        this.#give(await this.#facts.sink.write({ buffer: opened.buffer, offset, size }));
        this.#done += size;
        this.#say();
      })
      .catch((error) => this.#fail(error));
  }

  /**
   * Damaged in transit or at this copy: fetched once more by range before it is called damaged.
   * @param {Group} group
   * @param {ArrayBuffer} buffer
   */
  async #openTwice(group, buffer) {
    try {
      return await this.#openOnce(group, buffer);
    } catch (error) {
      const isDamaged = error instanceof SealError && error.code === 'damaged' && error.buffer;
      if (!isDamaged) throw typed(error);
      const again = /** @type {ArrayBuffer} */ (error.buffer);
      await this.#refill(group, again);
      return await this.#openOnce(group, again).catch((second) => {
        throw typed(second);
      });
    }
  }

  /**
   * @param {Group} group
   * @param {ArrayBuffer} buffer
   */
  #openOnce(group, buffer) {
    const { rows } = this.#facts;
    const { first, count, storedBytes } = group;
    return this.#pool.open({
      first,
      count,
      rows: rows.slice(first * ROW_SIZE, (first + count) * ROW_SIZE),
      buffer,
      offset: 0,
      size: storedBytes,
    });
  }

  /**
   * @param {Group} group
   * @param {ArrayBuffer} buffer
   */
  async #refill(group, buffer) {
    const { read } = this.#facts;
    const body = await read(group.from, group.from + group.storedBytes - 1, this.#stop.signal);
    const whole = new Uint8Array(await new Response(body).arrayBuffer());
    if (whole.length !== group.storedBytes) throw new Truncated('a stretch came back cut');
    new Uint8Array(buffer).set(whole);
  }

  /** @returns {Promise<ArrayBuffer>} a free buffer; waiting for one is what slows the network down */
  async #take() {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const buffer = this.#spare.pop();
      if (buffer) return buffer;
      await new Promise((resolve) => this.#wanting.push(() => resolve(undefined)));
    }
  }

  /** @param {ArrayBuffer} buffer */
  #give(buffer) {
    this.#spare.push(buffer);
    this.#wanting.shift()?.();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#failure ??= error;
    this.#stop.abort();
    for (const wake of this.#wanting.splice(0)) wake();
  }

  /** @param {boolean} [always] */
  #say(always = false) {
    const now = performance.now();
    if (!always && now - this.#saidAt < SAY_MS) return;
    this.#saidAt = now;
    this.#rate.note(this.#done, now);
    const total = this.#facts.header.payloadSize;
    this.#facts.tell?.({
      done: this.#done,
      total,
      bytesPerSecond: this.#rate.bytesPerSecond,
      secondsLeft: this.#rate.secondsFor(total - this.#done),
      trouble: this.#trouble,
    });
  }
}

/** The stream ended early; everything before `next` was taken. */
class Interrupted extends Error {
  /**
   * @param {number} next
   * @param {unknown} [cause]
   */
  constructor(next, cause) {
    super('the stream ended early', { cause });
    this.next = next;
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
