/**
 * One tab at a time: a name is held until it is given back or the tab is gone, however it went.
 * @module
 */

/** A page that is left, or loaded anew, gives its names back a little later than it is gone. */
const PATIENCE_MS = 3_000;

/**
 * @param {string} name
 * @param {number} [patienceMs]  how long to wait for another tab to give it back
 * @returns {Promise<(() => void) | null>} gives it back; null while another tab holds it
 */
export function hold(name, patienceMs = PATIENCE_MS) {
  const how = patienceMs ? { signal: AbortSignal.timeout(patienceMs) } : { ifAvailable: true };
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, how, (lock) => {
        if (!lock) {
          resolve(null);
          return undefined;
        }
        return new Promise((giveBack) => resolve(() => giveBack(undefined)));
      })
      .catch((error) => (error.name === 'TimeoutError' ? resolve(null) : reject(error)));
  });
}
