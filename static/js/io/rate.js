/**
 * Bytes a second over the last few seconds, and the time that is left at that rate.
 * @module
 */

const WINDOW_MS = 10_000;
const LEAST_MS = 800;

export class Rate {
  /** @type {{atMs: number, bytes: number}[]} */
  #samples = [];

  /**
   * @param {number} bytes  in all, so far; may fall when a part has to be sent again
   * @param {number} atMs
   */
  note(bytes, atMs) {
    this.#samples.push({ atMs, bytes });
    while ((this.#samples[1]?.atMs ?? atMs) < atMs - WINDOW_MS) this.#samples.shift();
  }

  /** @returns {number} bytes a second; 0 while nobody can tell */
  get bytesPerSecond() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < LEAST_MS) return 0;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs));
  }

  /**
   * @param {number} bytes  still to go
   * @returns {number | null} seconds; null while nobody can tell
   */
  secondsFor(bytes) {
    const rate = this.bytesPerSecond;
    return rate > 0 ? bytes / rate : null;
  }
}
