/**
 * Keeps the screen on while a transfer runs, where the browser can: a sleeping phone stops it.
 * @module
 */

/** @returns {(isWanted: boolean) => void} */
export function keepAwake() {
  let isWanted = false;
  /** @type {WakeLockSentinel | null} */
  let lock = null;

  async function apply() {
    if (isWanted && !lock && document.visibilityState === 'visible' && 'wakeLock' in navigator) {
      // Refused on a low battery, for one; then the screen may go dark, and nothing else changes.
      lock = await navigator.wakeLock.request('screen').catch(() => null);
      lock?.addEventListener('release', () => (lock = null));
      if (!isWanted) await apply();
    } else if (!isWanted && lock) {
      await lock.release();
    }
  }

  document.addEventListener('visibilitychange', () => void apply());
  return (wanted) => {
    if (wanted === isWanted) return;
    isWanted = wanted;
    void apply();
  };
}
