/**
 * Pause and go on: whoever works passes the gate before each step, and what is in flight when it
 * closes is cut off and sent again later.
 * @module
 */

/** Why a step was cut off; not a failure. */
export class Paused extends Error {
  constructor() {
    super('paused');
    this.name = 'Paused';
  }
}

export class Gate {
  /** @type {Set<AbortController>} */
  #passing = new Set();
  /** @type {Array<() => void>} */
  #waiting = [];
  #isClosed = false;

  get isClosed() {
    return this.#isClosed;
  }

  close() {
    this.#isClosed = true;
    for (const step of this.#passing) step.abort(new Paused());
  }

  open() {
    this.#isClosed = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  /**
   * Does the step, again and again if need be, until no pause has cut it off.
   * @template T
   * @param {AbortSignal} signal  ends everything
   * @param {(signal: AbortSignal) => Promise<T>} step
   * @returns {Promise<T>}
   */
  async pass(signal, step) {
    for (;;) {
      await this.#opened(signal);
      signal.throwIfAborted();
      const passing = new AbortController();
      const end = () => passing.abort(signal.reason);
      signal.addEventListener('abort', end, { once: true });
      this.#passing.add(passing);
      try {
        return await step(passing.signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Paused)) throw error;
      } finally {
        this.#passing.delete(passing);
        signal.removeEventListener('abort', end);
      }
    }
  }

  /** @param {AbortSignal} signal */
  async #opened(signal) {
    while (this.#isClosed) {
      await new Promise((resolve, reject) => {
        const stop = () => reject(signal.reason);
        signal.addEventListener('abort', stop, { once: true });
        this.#waiting.push(() => {
          signal.removeEventListener('abort', stop);
          resolve(undefined);
        });
      });
    }
  }
}
