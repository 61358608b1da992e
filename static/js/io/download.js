/**
 * The way back: the whole payload, or a stretch of it. One streamed GET, cut into groups of segments
 * as it arrives, opened in workers, and handed to a sink in order. Memory is a handful of buffers,
 * whatever the file's size. A stretch that breaks is asked for again from where it broke; bytes that
 * are not the committed ones are asked for again, from every other copy too, before they are named.
 *
 * Knows no network and no page: both are given in.
 * @module
 */
import { Damaged, Forged, Truncated, WrongKey } from '../crypto/errors.js';
import { ROW_SIZE } from '../crypto/header.js';
import { t } from '../texts/say.js';
import { Filler } from './filler.js';
import { SealError, SealPool } from './pool.js';
import { Rate } from './rate.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Header } from '../crypto/header.js' */
/** @import { Sink } from './sinks.js' */

const GROUP = 4; // segments a job: 1 MiB
const SPARE_BUFFERS = 3;
const SAY_MS = 120;
const REFILLS = 6;

/**
 * @typedef {object} Progress
 * @property {number} done   plaintext bytes written, with those from before a resume
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
 * @property {(offset: number) => boolean} [distrust]  the bytes at `offset` were not the committed
 *   ones: takes the next copy, and says whether there is one that was not tried yet
 * @property {(offset: number) => boolean} [broke]  the stream broke off or stood still at `offset`:
 *   says whether another copy is asked next, so that there is nothing to wait for
 * @property {() => number} [stallMs]  how long a stream may stay silent
 * @property {(attempt: number, signal: AbortSignal) => Promise<void>} pause  before another try
 * @property {(progress: Progress) => void} [tell]
 * @property {AbortSignal} signal
 * @property {{from: number, to: number}} [range]  bytes from..to (exclusive) of the payload; else all
 * @property {number} [begun]  bytes of the range that the sink holds already: whole segments of it
 */

/** What of the payload is wanted, and the segments that cover it. */
class Stretch {
  /** @param {Pick<Facts, 'header' | 'range' | 'begun'>} facts */
  constructor({ header, range, begun = 0 }) {
    const { from, to } = range ?? { from: 0, to: header.payloadSize };
    if (!(from >= 0 && from <= to && to <= header.payloadSize)) {
      throw new RangeError('no such stretch of the payload');
    }
    this.from = from + begun;
    this.to = to;
    this.first = Math.floor(this.from / header.plainSize);
    // An empty payload has one segment, which is checked like any other; an empty file needs none.
    const isNothing = this.from === to && header.payloadSize > 0;
    this.end = isNothing ? this.first : Math.max(1, Math.ceil(to / header.plainSize));
  }
}

/** A group of segments on its way: where it stands, and what of its plaintext is wanted. */
class Group {
  /**
   * @param {Header} header
   * @param {Stretch} stretch
   * @param {number} first
   */
  constructor(header, stretch, first) {
    this.first = first;
    this.count = Math.min(GROUP, stretch.end - first);
    this.from = header.segmentOffset(first);
    this.storedBytes = header.storedSizeOfRange(first, this.count);
    this.plainBytes = header.plainSizeOfRange(first, this.count);
    const start = first * header.plainSize;
    this.skip = Math.max(0, stretch.from - start);
    this.wanted = Math.min(this.plainBytes, stretch.to - start) - this.skip;
  }
}

export class Download {
  #facts;
  #pool;
  #stretch;
  #total;
  #rate = new Rate();
  #done;
  #saidAt = 0;
  #trouble = '';
  /** Its copy served other bytes: the stream goes on at the next one. */
  #isMoving = false;
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
    this.#stretch = new Stretch(facts);
    this.#done = facts.begun ?? 0;
    this.#total = this.#stretch.to - this.#stretch.from + this.#done;
    const { header, contentKey, workers, spawn } = facts;
    this.#pool = new SealPool(spawn, workers, { core: header.core, contentKey });
    this.#spare = Array.from(
      { length: 2 * workers + SPARE_BUFFERS },
      () => new ArrayBuffer(GROUP * header.segmentSize),
    );
    facts.signal.addEventListener('abort', () => this.#fail(facts.signal.reason), { once: true });
  }

  /**
   * Reads, opens and writes everything that is wanted, and finishes the sink under `name`; on any
   * failure the sink is discarded, and told why.
   * @param {string} name
   * @returns {Promise<number>} bytes written: exactly as many as were wanted
   * @throws {import('../crypto/errors.js').KimError | import('./sinks.js').CannotSave | DOMException}
   */
  async run(name) {
    const { sink, signal } = this.#facts;
    try {
      signal.throwIfAborted();
      await this.#readAll();
      await this.#tail;
      if (this.#failure) throw this.#failure;
      if (this.#done !== this.#total) {
        throw new Truncated(`${this.#done} of ${this.#total} bytes arrived`);
      }
      await sink.finish(name);
      this.#say(true);
      return this.#done;
    } catch (error) {
      const reason = this.#failure ?? error;
      await sink.discard(reason);
      throw reason;
    } finally {
      this.#stop.abort();
      this.#pool.close();
    }
  }

  /** Streams from the first group that was not taken yet, for as long as it takes. */
  async #readAll() {
    const { pause } = this.#facts;
    let next = this.#stretch.first;
    for (let attempt = 0; next < this.#stretch.end; attempt += 1) {
      if (this.#failure) throw this.#failure;
      const before = next;
      try {
        next = await this.#stream(next);
      } catch (error) {
        if (this.#failure) throw this.#failure;
        if (!(error instanceof Interrupted)) throw error;
        next = error.next;
        if (next > before) attempt = 0;
        if (error.isMoving) continue;
        this.#trouble = t('The connection broke. Going on where it stopped.');
        this.#say(true);
        const isElsewhere = this.#facts.broke?.(this.#facts.header.segmentOffset(next)) ?? false;
        if (!isElsewhere || attempt > 0) await pause(attempt, this.#stop.signal);
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
    const { end } = this.#stretch;
    const last = header.segmentOffset(end - 1) + header.storedSizeOf(end - 1) - 1;
    const body = await read(header.segmentOffset(first), last, this.#stop.signal);
    const filler = this.#filler(body);
    this.#isMoving = false;
    let next = first;
    try {
      while (next < end) {
        const group = new Group(header, this.#stretch, next);
        this.#open(group, await this.#fill(filler, group));
        next += group.count;
        if (this.#isMoving && next < end) throw new Interrupted(next, null, true);
      }
      return next;
    } catch (error) {
      if (this.#failure || error instanceof Interrupted) throw error;
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
    const opening = this.#openPatiently(group, buffer);
    // Somebody listens from the start: a failure while earlier groups are written is no surprise.
    opening.catch((error) => this.#fail(error));
    this.#tail = this.#tail
      .then(async () => {
        const opened = await opening;
        if (this.#failure) return;
        const { offset, size } = opened;
        if (size !== group.plainBytes) throw new Damaged('a segment opened to another length');
        const piece = { buffer: opened.buffer, offset: offset + group.skip, size: group.wanted };
        this.#give(await this.#facts.sink.write(piece));
        this.#done += piece.size;
        this.#say();
      })
      .catch((error) => this.#fail(error));
  }

  /**
   * Damaged in transit or at this copy: fetched once more by range, and again from every other copy,
   * before it is called damaged.
   * @param {Group} group
   * @param {ArrayBuffer} buffer
   */
  async #openPatiently(group, buffer) {
    let tried = buffer;
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await this.#openOnce(group, tried);
      } catch (error) {
        const isDamaged = error instanceof SealError && error.code === 'damaged' && error.buffer;
        const isAnother = isDamaged && (this.#facts.distrust?.(group.from) ?? false);
        this.#isMoving ||= Boolean(isAnother);
        if (!isDamaged || !(isFirst || isAnother)) throw typed(error);
        tried = /** @type {ArrayBuffer} */ (error.buffer);
        await this.#refill(group, tried);
      }
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
    const { read, broke, pause } = this.#facts;
    const { from, storedBytes } = group;
    for (let attempt = 0; ; attempt += 1) {
      const filler = this.#filler(await read(from, from + storedBytes - 1, this.#stop.signal));
      const filled = await filler.fill(new ArrayBuffer(storedBytes), storedBytes).catch(() => null);
      filler.cancel();
      if (filled?.size === storedBytes) {
        new Uint8Array(buffer).set(new Uint8Array(filled.buffer));
        return;
      }
      this.#stop.signal.throwIfAborted();
      if (attempt + 1 >= REFILLS) throw new Truncated('a stretch came back cut');
      if (!broke?.(from)) await pause(attempt, this.#stop.signal);
    }
  }

  /** @param {ReadableStream<Uint8Array>} body */
  #filler(body) {
    const stallMs = this.#facts.stallMs?.();
    return new Filler(body, stallMs ? { stallMs } : {});
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
    const total = this.#total;
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
   * @param {boolean} [isMoving]  nothing broke: the next copy is taken
   */
  constructor(next, cause, isMoving = false) {
    super('the stream ended early', { cause });
    this.next = next;
    this.isMoving = isMoving;
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
  return Kind ? new Kind(error.message, { segment: error.segment, cause: error }) : error;
}
