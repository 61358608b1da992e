/**
 * How long to wait before trying again, and waiting itself.
 * @module
 */

const FIRST_MS = 1_000;
const MOST_MS = 30_000;

/**
 * Doubles from one second to thirty; half of it is chance, so that a thousand tabs do not return at
 * the same moment.
 * @param {number} attempt  0 for the first repeat
 * @param {() => number} [random]
 * @returns {number} milliseconds
 */
export function delayMs(attempt, random = chance) {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(whole / 2 + (whole / 2) * random());
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} rejects with the signal's reason
 */
export function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} once the browser thinks there is a network
 */
export async function untilOnline(signal) {
  while (typeof navigator !== 'undefined' && navigator.onLine === false) {
    await new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      addEventListener('online', resolve, { once: true, ...(signal ? { signal } : {}) });
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}

/** @returns {number} 0 to 1 */
function chance() {
  return (crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) / 255;
}
