/**
 * The page's side of worker/send.js: a part is lent to the worker, which sends it and gives the
 * memory back. What a browser copies when it sends is copied there, not on the page's thread.
 * @module
 */
import { PutError, put } from './put.js';

/** @import { Bytes } from '../crypto/bytes.js' */

/**
 * @typedef {{bytes: Bytes}} Parcel  what is sent; while it is lent to the worker `bytes` is empty
 *
 * @typedef {object} Errand
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {Parcel} parcel
 * @property {(bytes: number) => void} onProgress
 * @property {AbortSignal} signal
 *
 * @typedef {(errand: Errand) => Promise<string | null>} Put  answers with the store's ETag, if it
 *   may be seen; throws PutError, or the signal's reason
 *
 * @typedef {{type: 'progress', job: number, sent: number}
 *   | {type: 'stored', job: number, bytes: Bytes, etag: string | null}
 *   | {type: 'failed', job: number, bytes: Bytes, message: string, status: number}} FromSend
 */

/** @type {Put} */
export function putHere({ parcel, ...request }) {
  return put({ ...request, body: parcel.bytes });
}

/** Chromium, where it was measured: in others the page's thread sends for its workers, too. */
const SENDS_IN_WORKERS = typeof navigator !== 'undefined' && 'userAgentData' in navigator;

/**
 * @param {() => Worker} spawn  of worker/send.js
 * @returns {{put: Put, close: () => void}}
 */
export function courierFor(spawn) {
  return SENDS_IN_WORKERS ? new Courier(spawn) : { put: putHere, close: () => undefined };
}

export class Courier {
  #worker;
  /** @type {Promise<boolean>} */
  #isReady;
  #lastJob = 0;
  /** @type {Map<number, (said: FromSend) => void>} */
  #waiting = new Map();

  /** @param {() => Worker} spawn */
  constructor(spawn) {
    const worker = spawn();
    this.#worker = worker;
    this.#isReady = new Promise((resolve) => {
      worker.onmessage = ({ data }) => {
        if (data.type === 'ready') resolve(true);
        else this.#waiting.get(data.job)?.(data);
      };
      // A worker that does not start is no reason not to send.
      worker.onerror = () => resolve(false);
    });
  }

  /** @type {Put} */
  put = async (errand) => {
    const isReady = await this.#isReady;
    if (!isReady) return putHere(errand);
    const { signal } = errand;
    signal.throwIfAborted();
    this.#lastJob += 1;
    const job = this.#lastJob;
    const cancel = () => this.#worker.postMessage({ type: 'cancel', job });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await this.#lend(job, errand);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#waiting.delete(job);
      signal.removeEventListener('abort', cancel);
    }
  };

  /** Ends the worker; what it was lent is gone. */
  close() {
    this.#worker.terminate();
    for (const [job, tell] of this.#waiting) {
      tell({ type: 'failed', job, bytes: new Uint8Array(0), message: 'stopped', status: 0 });
    }
  }

  /**
   * @param {number} job
   * @param {Errand} errand
   * @returns {Promise<string | null>}
   */
  #lend(job, { url, headers, parcel, onProgress }) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, (said) => {
        if (said.type === 'progress') {
          onProgress(said.sent);
          return;
        }
        parcel.bytes = said.bytes;
        if (said.type === 'stored') resolve(said.etag);
        else reject(new PutError(said.message, said.status));
      });
      const { bytes } = parcel;
      this.#worker.postMessage({ type: 'put', job, url, headers, bytes }, [bytes.buffer]);
    });
  }
}
