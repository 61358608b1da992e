/**
 * Reads a stretch of a stored object by a signed URL, and goes on at the next copy when one fails.
 * @module
 */
import { delayMs, wait } from './backoff.js';

const TRIES = 4;
const TIMEOUT_MS = 60_000;
/** With another copy at hand nobody waits that long for a first word. */
const ANSWER_SOON_MS = 8_000;

/**
 * @typedef {object} Stretch
 * @property {string} url
 * @property {Record<string, string>} headers  signed
 * @property {number} bytes  how many must come
 * @property {string[]} [others]  the same bytes in further copies
 */

/** Why a stretch could not be read. `status` is 0 if there was no answer. */
export class ReadError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.name = 'ReadError';
    this.status = status;
    this.code = 'store_unreadable';
    this.hint = 'The store may be busy. Nothing is lost: try again.';
  }
}

/**
 * @param {Stretch} stretch
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {ReadError}
 */
export async function read(stretch, signal) {
  const copies = 1 + (stretch.others?.length ?? 0);
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once(turned(stretch, attempt), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const status = error instanceof ReadError ? error.status : 0;
      const round = Math.floor(attempt / copies);
      const isRoundOver = (attempt + 1) % copies === 0;
      const isRefused = status >= 400 && status < 500;
      if (isRoundOver && (isRefused || round + 1 >= TRIES)) throw error;
      if (isRoundOver) await wait(delayMs(round), signal);
    }
  }
}

/**
 * @template {Stretch} S
 * @param {S} stretch
 * @param {number} turn
 * @returns {S} the same bytes, from another copy first where there is one
 */
export function turned(stretch, turn) {
  const urls = [stretch.url, ...(stretch.others ?? [])];
  const at = turn % urls.length;
  const [url = stretch.url, ...others] = [...urls.slice(at), ...urls.slice(0, at)];
  return { ...stretch, url, others };
}

/**
 * @param {Stretch} stretch
 * @param {AbortSignal} [signal]
 */
async function once({ url, headers, bytes, others }, signal) {
  const stop = new AbortController();
  const whole = AbortSignal.timeout(TIMEOUT_MS);
  const late = setTimeout(() => stop.abort(), others?.length ? ANSWER_SOON_MS : TIMEOUT_MS);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, {
      headers,
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.any([whole, stop.signal, ...(signal ? [signal] : [])]),
    });
  } catch (cause) {
    throw Object.assign(new ReadError('The store cannot be reached.', 0), { cause });
  } finally {
    clearTimeout(late);
  }
  const { status } = response;
  if (!response.ok) throw new ReadError(`The store answered with an error (${status}).`, status);
  const data = new Uint8Array(await response.arrayBuffer());
  if (data.length !== bytes) throw new ReadError('The store sent another number of bytes.', 0);
  return data;
}
