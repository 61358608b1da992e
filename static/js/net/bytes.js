/**
 * Reads a stretch of a stored object by a signed URL.
 * @module
 */
import { delayMs, wait } from './backoff.js';

const TRIES = 4;
const TIMEOUT_MS = 60_000;

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
 * @param {{url: string, headers: Record<string, string>, bytes: number}} stretch  signed; `bytes` is
 *   how many must come
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {ReadError}
 */
export async function read(stretch, signal) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once(stretch, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const status = error instanceof ReadError ? error.status : 0;
      if (attempt + 1 >= TRIES || (status >= 400 && status < 500)) throw error;
      await wait(delayMs(attempt), signal);
    }
  }
}

/**
 * @param {{url: string, headers: Record<string, string>, bytes: number}} stretch
 * @param {AbortSignal} [signal]
 */
async function once({ url, headers, bytes }, signal) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, {
      headers,
      cache: 'no-store',
      credentials: 'omit',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (cause) {
    throw Object.assign(new ReadError('The store cannot be reached.', 0), { cause });
  }
  const { status } = response;
  if (!response.ok) throw new ReadError(`The store answered with an error (${status}).`, status);
  const data = new Uint8Array(await response.arrayBuffer());
  if (data.length !== bytes) throw new ReadError('The store sent another number of bytes.', 0);
  return data;
}
