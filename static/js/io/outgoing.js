/**
 * One answer on its way through the service worker: pieces go out as they are asked for, and who
 * gives them hears how it ended.
 * @module
 */
import { CannotSave } from './sinks.js';

/** @typedef {{buffer: ArrayBuffer, offset: number, size: number}} Piece */

/** The browser has only a part of it, whatever it shows. */
export class Incomplete extends CannotSave {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'Incomplete';
    this.code = 'incomplete';
    this.hint =
      'What lies in your downloads is incomplete: delete it. Your file stays yours, so save it again.';
  }
}

/** Pieces on their way to the worker, each only when it was asked for. */
export class Outgoing {
  #port;
  #wanted = 0;
  /** @type {Array<{resolve: () => void, reject: (error: unknown) => void}>} */
  #waiting = [];
  /** @type {(() => void) | null} */
  #done = null;
  /** @type {unknown} */
  #failure = null;
  #isEnded = false;
  #onCancel;

  /**
   * @param {MessagePort} port
   * @param {() => void} [onCancel]  the browser wants no more
   */
  constructor(port, onCancel = () => {}) {
    this.#port = port;
    this.#onCancel = onCancel;
    port.onmessage = ({ data }) => this.#hear(data);
  }

  /** Ended, cut or cancelled. */
  get isOver() {
    return this.#isEnded || this.#failure !== null;
  }

  /**
   * @param {Piece} piece  its buffer is transferred away
   * @throws {Incomplete} once the stream was cut or cancelled
   */
  async give({ buffer, offset, size }) {
    if (size === 0) return;
    await this.#demand();
    this.#port.postMessage({ buffer, offset, size }, [buffer]);
  }

  /** Until the browser has taken the last byte. */
  async end() {
    await this.#demand();
    const done = new Promise((resolve, reject) => {
      this.#done = () => resolve(undefined);
      this.#waiting.push({ resolve: () => {}, reject });
    });
    this.#port.postMessage({ end: true });
    await done;
    this.#isEnded = true;
  }

  /** @param {unknown} error  the browser is told that the rest does not come */
  fail(error) {
    if (this.isOver) return;
    this.#failure = error;
    this.#port.postMessage({ failed: true });
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#onCancel();
  }

  /** @returns {Promise<void>} when the next piece is wanted */
  async #demand() {
    if (this.#failure) throw this.#failure;
    if (this.#wanted === 0) {
      await new Promise((resolve, reject) =>
        this.#waiting.push({ resolve: () => resolve(undefined), reject }),
      );
    } else this.#wanted -= 1;
    if (this.#failure) throw this.#failure;
  }

  /** @param {'pull' | 'cancel' | 'done'} said */
  #hear(said) {
    if (said === 'done') this.#done?.();
    else if (said === 'cancel') {
      this.fail(new Incomplete('The download was stopped in the browser.'));
    } else if (this.#waiting.length > 0) this.#waiting.shift()?.resolve();
    else this.#wanted += 1;
  }
}
