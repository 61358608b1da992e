/**
 * Fingerprints of files, made by one worker beside the upload, one file after another.
 * @module
 */
import { SealError } from './pool.js';

/** @import { FromMark, MarkJob } from '../worker/messages.js' */

/** @typedef {{sample: string, sha256: string | null}} Mark */

export class Marker {
  #worker;
  /** @type {Map<number, {resolve: (mark: Mark) => void, reject: (error: unknown) => void}>} */
  #waiting = new Map();
  #lastJob = 0;
  /** @type {SealError | null} */
  #broken = null;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) =>
      this.#fail(new SealError('internal', event.message || 'a worker did not start'));
  }

  /**
   * @param {Blob} file
   * @param {{isWhole: boolean}} options  whether the SHA-256 of the whole file is wanted, too
   * @returns {Promise<Mark>}
   * @throws {SealError} `unreadable` if the file changed or is gone
   */
  mark(file, { isWhole }) {
    if (this.#broken) return Promise.reject(this.#broken);
    this.#lastJob += 1;
    const job = this.#lastJob;
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, { resolve, reject });
      /** @type {MarkJob} */
      const message = { type: 'mark', job, file, isWhole };
      this.#worker.postMessage(message);
    });
  }

  close() {
    this.#worker.terminate();
    this.#fail(new SealError('closed', 'stopped'));
  }

  /** @param {FromMark} said */
  #hear(said) {
    const waiting = said.job === null ? undefined : this.#waiting.get(said.job);
    if (said.job === null || !waiting) return;
    this.#waiting.delete(said.job);
    if (said.type === 'failed') waiting.reject(new SealError(said.code, said.message));
    else waiting.resolve({ sample: said.sample, sha256: said.sha256 });
  }

  /** @param {SealError} error */
  #fail(error) {
    this.#broken ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
