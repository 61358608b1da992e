/**
 * Several asynchronous steps at once, started in order; and long work that lets others through.
 * @module
 */

/**
 * WebCrypto hands work to threads of its own: four calls in flight keep them busy, more only hold
 * memory.
 */
export const IN_FLIGHT = 4;

/**
 * Runs `step(0)` … `step(count - 1)`, at most `IN_FLIGHT` at a time. After a failure no further
 * step starts; once those under way have ended, so that buffers are free again, the failure of the
 * earliest step is thrown: the same one every time.
 * @param {number} count
 * @param {(at: number) => Promise<void>} step
 */
export async function inFlight(count, step) {
  let next = 0;
  /** @type {Map<number, unknown>} */
  const failures = new Map();
  async function run() {
    while (next < count && failures.size === 0) {
      const at = next;
      next += 1;
      try {
        await step(at);
      } catch (error) {
        failures.set(at, error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, run));
  if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
}

/** Steps of a few hashes between two breaths: five milliseconds on a computer, twenty on a phone. */
export const STRETCH = 512;

/**
 * Lets presses, pictures and messages through in the middle of long work. Not a timer, because
 * those are slowed down in hidden tabs.
 * @returns {Promise<void>}
 */
export function breath() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
