/**
 * Waiting for a way to the server that is broken only now.
 * @module
 */
import { ApiError } from '../net/api.js';
import { delayMs, untilOnline, wait } from '../net/backoff.js';
import { plainly } from '../net/parts.js';

/** @import { Progress } from './progress.js' */

/**
 * Asks again while the server is away, too busy, or wants a login that another tab can give.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {Progress} progress  says that it waits, and why
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 * @throws {ApiError} any other refusal
 */
export async function patiently(ask, progress, signal) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!error.isPassing && error.status !== 401) throw error;
      progress.say({ state: 'waiting', trouble: plainly(error), done: 1, total: 1 });
      await untilOnline(signal);
      await wait(delayMs(attempt), signal);
    }
  }
}

/**
 * @param {unknown} error
 * @returns {boolean} whether the store lacks parts that it had acknowledged
 */
export function isMissing(error) {
  return error instanceof ApiError && error.code === 'parts_missing';
}
