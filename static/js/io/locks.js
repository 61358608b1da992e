/**
 * One tab at a time: a name is held until it is given back or the tab is gone, however it went.
 * @module
 */

/**
 * @param {string} name
 * @returns {Promise<(() => void) | null>} gives it back; null while another tab holds it
 */
export function hold(name) {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(null);
          return undefined;
        }
        return new Promise((giveBack) => resolve(() => giveBack(undefined)));
      })
      .catch(reject);
  });
}
