/**
 * Brings parts to the store: signs late and in batches, signs again when a URL has expired, and
 * keeps trying while the tab lives.
 * @module
 */
import { t } from '../texts/say.js';
import { ApiError } from './api.js';
import { delayMs, untilOnline, wait } from './backoff.js';
import { signParts } from './creator.js';
import { PutError, put } from './put.js';

const BATCH = 20;

/** By this machine's own clock, which may be wrong: a 403 has the last word. */
const FRESH_MS = 45 * 60_000;

/** Answers that will be the same next time; everything else may pass. */
const FINAL = new Set([400, 404, 405, 411, 412, 413]);

/**
 * @typedef {{number: number, url: string, headers: Record<string, string>, bytes: number}} SignedPart
 * @typedef {{urls: SignedPart[]}} Signatures
 *
 * @typedef {object} Watch
 * @property {AbortSignal} signal
 * @property {(bytes: number) => void} onProgress  of the present try; starts at 0 again on a repeat
 * @property {(trouble: string | null) => void} onTrouble  a reason while waiting, null once it goes on
 */

export class PartSender {
  #sign;
  #order;
  /** @type {Map<number, {part: SignedPart, untilMs: number}>} */
  #signed = new Map();
  /** @type {Promise<void> | null} */
  #signing = null;

  /**
   * @param {(numbers: number[]) => Promise<Signatures>} sign
   * @param {number[]} order  all part numbers, in the order they will be sent
   */
  constructor(sign, order) {
    this.#sign = sign;
    this.#order = order;
  }

  /** Signs the first batch while the first part is still being sealed. A failure tells itself later. */
  warm() {
    const first = this.#order[0];
    if (first !== undefined) this.#urlOf(first).catch(() => undefined);
  }

  /**
   * @param {number} number
   * @param {XMLHttpRequestBodyInit} body
   * @param {Watch} watch
   * @returns {Promise<string | null>} once the store has the part: its ETag, if it may be seen
   */
  async send(number, body, { signal, onProgress, onTrouble }) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { url, headers } = await this.#urlOf(number);
        signal.throwIfAborted();
        const etag = await put({ url, headers, body, onProgress, signal });
        onTrouble(null);
        return etag;
      } catch (error) {
        signal.throwIfAborted();
        onProgress(0);
        await this.#pause({ number, attempt, error, signal, onTrouble });
      }
    }
  }

  /**
   * @param {{number: number, attempt: number, error: unknown, signal: AbortSignal,
   *   onTrouble: Watch['onTrouble']}} failure
   */
  async #pause({ number, attempt, error, signal, onTrouble }) {
    if (isFinal(error)) throw error;
    const expired = error instanceof PutError && error.status === 403;
    this.#signed.delete(number);
    if (expired && attempt === 0) return; // an old signature: a fresh one, at once
    onTrouble(plainly(error));
    await untilOnline(signal);
    await wait(delayMs(attempt), signal);
  }

  /**
   * @param {number} number
   * @returns {Promise<SignedPart>}
   */
  async #urlOf(number) {
    for (;;) {
      const known = this.#signed.get(number);
      if (known && known.untilMs > Date.now()) return known.part;
      if (this.#signing) {
        await this.#signing; // another part's batch may hold this one's URL
      } else {
        this.#signing = this.#signFrom(number).finally(() => {
          this.#signing = null;
        });
        await this.#signing;
      }
    }
  }

  /** @param {number} number  this one, and those that follow it and have no URL yet */
  async #signFrom(number) {
    const following = this.#order
      .slice(this.#order.indexOf(number) + 1)
      .filter((other) => !this.#signed.has(other));
    const { urls } = await this.#sign([number, ...following.slice(0, BATCH - 1)]);
    const untilMs = Date.now() + FRESH_MS;
    for (const part of urls) this.#signed.set(part.number, { part, untilMs });
    if (!this.#signed.has(number)) throw new PutError('the server signed no such part', 404);
  }
}

/**
 * Asks for the first addresses at once, while this browser takes notes and seals.
 * @param {string} uploadId
 * @param {{number: number}[]} parts  in the order they are sent
 */
export function senderOf(uploadId, parts) {
  const order = parts.map(({ number }) => number);
  const sender = new PartSender((numbers) => signParts(uploadId, numbers), order);
  sender.warm();
  return sender;
}

/**
 * @param {unknown} error
 * @returns {string} why it waits
 */
export function plainly(error) {
  if (!navigator.onLine) return t('You are offline.');
  if (error instanceof PutError) return t('The store does not answer.');
  const isLoggedOut = error instanceof ApiError && error.status === 401;
  return isLoggedOut
    ? t('You are logged out. Log in again in another tab.')
    : t('The server does not answer.');
}

/** @param {unknown} error */
function isFinal(error) {
  if (!(error instanceof Error)) return true;
  const status = 'status' in error ? Number(error.status) : NaN;
  // The API's own refusal to sign (404, 409 …) is final; its absence (0, 5xx, 429) is not, and a
  // session that ran out (401) can be mended in another tab.
  if (error instanceof PutError) return FINAL.has(status);
  return !(status === 0 || status === 401 || status === 429 || status >= 500);
}
