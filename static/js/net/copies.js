/**
 * The sealed object as bytes by range, wherever it lies. Addresses are signed when they are needed
 * and again when they ran out. The copy that failed least is asked; one that does not answer, breaks
 * off or answers something else is passed over, and one that served other bytes is asked last.
 * @module
 */
import { delayMs, untilOnline, wait } from './backoff.js';
import { ReadError } from './bytes.js';

/** @import { Location } from './buyer.js' */

/**
 * @typedef {object} Fault  what became of a copy
 * @property {string} copy  its id
 * @property {string} host
 * @property {'altered' | 'silent'} kind  other bytes; or none, too few or an error
 * @property {number} offset  of the container, where it showed
 */

const TRIES = 6;
const ANSWER_MS = 30_000;
/** With another copy at hand nobody waits that long. */
const ANSWER_SOON_MS = 8_000;
/** An address is renewed this long before it ends. */
const MARGIN_MS = 60_000;
const STALL_MS = 90_000;
const STALL_SOON_MS = 15_000;
const READS_KEPT = 64;

/** What is remembered of a copy, whatever its address is by now. */
class Record {
  faults = 0;
  isAltered = false;
  /** It was signed anew after a refusal, and gave nothing since. */
  isResigned = false;
}

export class Copies {
  #sign;
  #tell;
  /** @type {Location[]} */
  #known = [];
  /** @type {Map<string, Record>} */
  #records = new Map();
  /** @type {{from: number, to: number, copy: Location}[]} the newest last */
  #reads = [];

  /**
   * @param {(signal?: AbortSignal) => Promise<{urls: Location[]}>} sign
   * @param {(fault: Fault) => void} [tell]  once for each copy and kind
   */
  constructor(sign, tell = () => undefined) {
    this.#sign = sign;
    this.#tell = tell;
  }

  /** How many copies there are, as far as is known. */
  get count() {
    return this.#known.length;
  }

  /** How long a stream may stay silent: patience is for a lone copy, on a slow line. */
  get stallMs() {
    return this.count > 1 ? STALL_SOON_MS : STALL_MS;
  }

  /**
   * @param {number} from
   * @param {number} to  inclusive
   * @param {AbortSignal} signal
   * @returns {Promise<ReadableStream<Uint8Array>>} which may break off; its reader asks again
   * @throws {ReadError} what trying again did not mend
   */
  async read(from, to, signal) {
    for (let attempt = 0; ; attempt += 1) {
      const copy = await this.fresh(signal);
      try {
        const body = await this.#once(copy, from, to, signal);
        this.#record(copy).isResigned = false;
        this.#reads = [...this.#reads.slice(1 - READS_KEPT), { from, to, copy }];
        return body;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ReadError) || attempt + 1 >= TRIES + this.count) throw error;
        // 403: the address ran out, or the clock of this machine is wrong. A new one is signed.
        const isSignedAgain = this.#signAgain(copy, error.status);
        const hasNext = !isSignedAgain && this.#fault(copy, 'silent', from);
        if (!isSignedAgain && !hasNext) await wait(delayMs(attempt), signal);
        await untilOnline(signal);
      }
    }
  }

  /**
   * The bytes at `offset` were not the committed ones: their copy is asked last from now on.
   * @param {number} [offset]  where they stand; without it, those that were asked for last
   * @returns {boolean} whether there is a copy that served no other bytes yet
   */
  distrust(offset) {
    const read = this.#readOf(offset);
    if (!read) return false;
    this.#fault(read.copy, 'altered', offset ?? read.from);
    return this.#known.some(({ copy }) => !this.#records.get(copy)?.isAltered);
  }

  /**
   * A stream that was handed out broke off or stood still at `offset`.
   * @param {number} [offset]
   * @returns {boolean} whether there is a copy that failed less: no need to wait before asking it
   */
  broke(offset) {
    const read = this.#readOf(offset);
    return read ? this.#fault(read.copy, 'silent', offset ?? read.from) : false;
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<Location>} the best one, good for a while
   */
  async fresh(signal) {
    const good = this.#known.filter(
      ({ expires_at: until }) => Date.parse(until) > Date.now() + MARGIN_MS,
    );
    if (good.length === 0) {
      const { urls } = await this.#sign(signal);
      this.#known = urls;
      good.push(...urls);
    }
    const [copy] = good.sort((one, other) => this.#rank(one) - this.#rank(other));
    if (!copy) throw new ReadError('The server names no copy of the file.', 0);
    return copy;
  }

  /** @returns {Promise<string[]>} addresses that stay good: those of the creator's own hosts */
  async lasting() {
    await this.fresh();
    return this.#known.filter(({ is_lasting: isLasting }) => isLasting).map(({ url }) => url);
  }

  /** @param {Location} copy */
  #rank(copy) {
    const { faults, isAltered } = this.#record(copy);
    return faults + (isAltered ? 1e6 : 0);
  }

  /** @param {Location} copy */
  #record({ copy }) {
    const record = this.#records.get(copy) ?? new Record();
    this.#records.set(copy, record);
    return record;
  }

  /** @param {number} [offset] */
  #readOf(offset) {
    if (offset === undefined) return this.#reads.at(-1);
    return this.#reads.findLast(({ from, to }) => from <= offset && offset <= to);
  }

  /**
   * @param {Location} copy
   * @param {number} status
   * @returns {boolean} whether it is worth asking the same copy again under a new address
   */
  #signAgain(copy, status) {
    const record = this.#record(copy);
    const isRefused = status >= 400 && status < 500 && ![404, 410, 416, 429].includes(status);
    if (!isRefused || record.isResigned || copy.is_lasting) return false;
    record.isResigned = true;
    this.#known = [];
    return true;
  }

  /**
   * @param {Location} copy
   * @param {'altered' | 'silent'} kind
   * @param {number} offset
   * @returns {boolean} whether another copy stands before it now
   */
  #fault(copy, kind, offset) {
    const record = this.#record(copy);
    const isNews = kind === 'altered' ? !record.isAltered : record.faults === 0;
    record.faults += 1;
    record.isAltered ||= kind === 'altered';
    // A lone copy that stumbles is told by who waits for it; another is passed over and named.
    if (isNews && (kind === 'altered' || this.#known.length > 1)) {
      this.#tell({ copy: copy.copy, host: new URL(copy.url).host, kind, offset });
    }
    return this.#known.some((other) => this.#rank(other) < this.#rank(copy));
  }

  /**
   * @param {Location} copy
   * @param {number} from
   * @param {number} to
   * @param {AbortSignal} signal
   */
  async #once({ url, bytes }, from, to, signal) {
    const stop = new AbortController();
    const late = setTimeout(
      () => stop.abort(),
      this.#known.length > 1 ? ANSWER_SOON_MS : ANSWER_MS,
    );
    /** @type {Response} */
    let response;
    try {
      response = await fetch(url, {
        headers: { Range: `bytes=${from}-${to}` },
        cache: 'no-store',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        signal: AbortSignal.any([signal, stop.signal]),
      });
    } catch (cause) {
      throw Object.assign(new ReadError('The store cannot be reached.', 0), { cause });
    } finally {
      clearTimeout(late);
    }
    const { status, body } = response;
    if (status === 206 && body && isRange(response, from, to, bytes)) return body;
    void body?.cancel().catch(() => undefined);
    if (status === 206) throw new ReadError('The store answered with other bytes than asked.', 0);
    throw new ReadError(`The store answered with ${status} instead of the bytes.`, status);
  }
}

/**
 * @param {Response} response
 * @param {number} from
 * @param {number} to
 * @param {number} total
 * @returns {boolean} whether it says that it is the range asked for; a host may keep that to itself
 */
function isRange({ headers }, from, to, total) {
  const said = headers.get('content-range');
  return said === null || said.trim() === `bytes ${from}-${to}/${total}`;
}
