/**
 * A few crypto workers (all seal.js or all open.js) and the jobs they are given. Speaks worker/messages.js.
 * @module
 */

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { FromOpen, FromSeal, OpenJob, Opened, SealInit, SealJob, Sealed } from '../worker/messages.js'
 */

/** A job that failed in a worker; `buffer` is given back for the next try. */
export class SealError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ArrayBuffer} [buffer]
   * @param {number} [segment]  the bad one, where one is known
   */
  constructor(code, message, buffer, segment) {
    super(message);
    this.name = 'SealError';
    this.code = code;
    this.buffer = buffer;
    this.segment = segment;
  }
}

/** @typedef {{resolve: (done: any) => void, reject: (error: unknown) => void}} Waiting */

/**
 * Half the processor is the browser's own (network, page), but never fewer than one.
 * @returns {number}
 */
export function workerCount() {
  return Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));
}

export class SealPool {
  /** @type {{worker: Worker, jobs: number}[]} */
  #members;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lastJob = 0;
  /** @type {SealError | null} */
  #broken = null;

  /**
   * @param {() => Worker} spawn
   * @param {number} count
   * @param {{core: Bytes, contentKey: Bytes}} keys
   */
  constructor(spawn, count, { core, contentKey }) {
    this.#members = Array.from({ length: count }, () => {
      const member = { worker: spawn(), jobs: 0 };
      member.worker.onmessage = ({ data }) => this.#hear(member, data);
      member.worker.onerror = (event) =>
        this.#fail(new SealError('internal', event.message || 'a worker did not start'));
      /** @type {SealInit} */
      const init = { type: 'init', core, contentKey };
      member.worker.postMessage(init);
      return member;
    });
  }

  /**
   * @param {Omit<SealJob, 'type' | 'job'>} work  its buffer is transferred away and comes back
   * @returns {Promise<Sealed>}
   * @throws {SealError}
   */
  seal(work) {
    return this.#ask('seal', work);
  }

  /**
   * @param {Omit<OpenJob, 'type' | 'job'>} work  its buffer is transferred away and comes back
   * @returns {Promise<Opened>}
   * @throws {SealError}
   */
  open(work) {
    return this.#ask('open', work);
  }

  /**
   * @param {'seal' | 'open'} type
   * @param {{buffer: ArrayBuffer}} work
   * @returns {Promise<any>}
   */
  #ask(type, work) {
    if (this.#broken) return Promise.reject(this.#broken);
    const member = this.#members.reduce((least, one) => (one.jobs < least.jobs ? one : least));
    this.#lastJob += 1;
    const job = this.#lastJob;
    member.jobs += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, { resolve, reject });
      member.worker.postMessage({ type, job, ...work }, [work.buffer]);
    });
  }

  close() {
    for (const { worker } of this.#members) worker.terminate();
    this.#fail(new SealError('closed', 'stopped'));
  }

  /**
   * @param {{jobs: number}} member
   * @param {FromSeal | FromOpen} said
   */
  #hear(member, said) {
    if (said.type === 'ready') return;
    const waiting = said.job === null ? undefined : this.#waiting.get(said.job);
    if (said.type === 'failed' && !waiting) {
      this.#fail(new SealError(said.code, said.message));
      return;
    }
    if (said.job !== null) this.#waiting.delete(said.job);
    member.jobs -= 1;
    if (said.type === 'failed') {
      waiting?.reject(new SealError(said.code, said.message, said.buffer, said.segment));
    } else waiting?.resolve(said);
  }

  /** @param {SealError} error */
  #fail(error) {
    this.#broken = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/**
 * Phones have little memory and kill the page that takes more.
 * @param {number} workers
 */
export function slotCount(workers) {
  const isSmall = matchMedia('(pointer: coarse)').matches;
  return isSmall ? 2 : Math.min(4, workers + 2);
}
