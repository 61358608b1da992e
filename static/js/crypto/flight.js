/**
 * Several asynchronous steps at once, started in order.
 * @module
 */

/**
 * WebCrypto hands work to threads of its own: four calls in flight keep them busy, more only hold
 * memory.
 */
export const IN_FLIGHT = 4;

/**
 * Runs `step(0)` … `step(count - 1)`, at most `IN_FLIGHT` at a time. After a failure no further
 * step starts; the failure is thrown once those under way have ended, so buffers are free again.
 * @param {number} count
 * @param {(at: number) => Promise<void>} step
 */
export async function inFlight(count, step) {
  let next = 0;
  /** @type {unknown[]} */
  const failures = [];
  async function run() {
    while (next < count && failures.length === 0) {
      const at = next;
      next += 1;
      try {
        await step(at);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, run));
  if (failures.length > 0) throw failures[0];
}
