/**
 * The sealed object as bytes by range, wherever it lies: addresses are signed when they are needed
 * and again when they ran out, copies are tried in turn, and what passes by itself is waited for.
 * @module
 */
import { delayMs, untilOnline, wait } from './backoff.js';
import { ReadError } from './bytes.js';

/** @import { Location } from './buyer.js' */

const TRIES = 6;
const ANSWER_MS = 30_000;
/** An address is renewed this long before it ends. */
const MARGIN_MS = 60_000;

export class Copies {
  #sign;
  /** @type {Location[]} */
  #known = [];
  #at = 0;

  /** @param {(signal?: AbortSignal) => Promise<{urls: Location[]}>} sign */
  constructor(sign) {
    this.#sign = sign;
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
      try {
        return await this.#once(from, to, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ReadError) || attempt + 1 >= TRIES) throw error;
        this.#at += 1;
        // 403: the address ran out, or the clock of this machine is wrong. A new one is signed.
        if (error.status >= 400 && error.status < 500) this.#known = [];
        if (attempt > 0) await wait(delayMs(attempt - 1), signal);
        await untilOnline(signal);
      }
    }
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<Location>} one that is good for a while
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
    const copy = good[this.#at % Math.max(1, good.length)];
    if (!copy) throw new ReadError('The server names no copy of the file.', 0);
    return copy;
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {AbortSignal} signal
   */
  async #once(from, to, signal) {
    const { url } = await this.fresh(signal);
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), ANSWER_MS);
    /** @type {Response} */
    let response;
    try {
      response = await fetch(url, {
        headers: { Range: `bytes=${from}-${to}` },
        cache: 'no-store',
        credentials: 'omit',
        signal: AbortSignal.any([signal, stop.signal]),
      });
    } catch (cause) {
      throw Object.assign(new ReadError('The store cannot be reached.', 0), { cause });
    } finally {
      clearTimeout(late);
    }
    if (response.status !== 206 || !response.body) {
      void response.body?.cancel().catch(() => undefined);
      const { status } = response;
      throw new ReadError(`The store answered with ${status} instead of the bytes.`, status);
    }
    return response.body;
  }
}
