/**
 * Calls about what may be seen before paying: samples, the audit at publish, covers.
 * @module
 */
import * as api from './api.js';
import { ReadError, turned } from './bytes.js';

/**
 * @typedef {{kind: 'video' | 'audio' | 'image' | 'text', segments: number}} SampleBrief
 * @typedef {{content_id: string, kind: string, entries: string}} Sample  base64url
 * @typedef {{nonce: string, entries: string, passed_at: string}} Audit  base64url
 * @typedef {{media_type: string, width: number, height: number, sha256: string}} Cover
 * @typedef {{first: number, count: number, url: string, headers: Record<string, string>,
 *   bytes: number, others: string[]}} SignedRun  `others`: the same bytes in further copies
 */

const AGAIN = { repeatable: true };
const OPEN = { withSession: false };
const ANSWER_MS = 30_000;
const ANSWER_SOON_MS = 8_000; // with another copy at hand

/**
 * @param {string} fileId
 * @returns {Promise<Sample>}
 */
export const sample = (fileId) => api.get(`files/${fileId}/samples/`, OPEN);

/**
 * @param {string} fileId
 * @param {'sample' | 'audit'} shown
 * @returns {Promise<{segments: SignedRun[]}>} addresses of exactly those segments
 */
export const runs = (fileId, shown) => api.get(`files/${fileId}/ranges/?with=${shown}`, OPEN);

/**
 * @param {string} fileId
 * @param {{kind: string, entries: string, confirmed: boolean}} shown
 */
export const keepSample = (fileId, shown) => api.put(`files/${fileId}/samples/`, shown);

/** @param {string} fileId */
export const dropSample = (fileId) => api.remove(`files/${fileId}/samples/`, AGAIN);

/**
 * @param {string} fileId
 * @returns {Promise<{nonce: string, segments: number[]}>} the same each time
 */
export const drawAudit = (fileId) => api.post(`files/${fileId}/audit/`, {}, AGAIN);

/**
 * @param {string} fileId
 * @param {string} entries  base64url
 * @returns {Promise<Audit>} once the server opened each of them
 */
export const keepAudit = (fileId, entries) =>
  api.put(`files/${fileId}/audit/`, { entries }, { timeoutMs: 120_000 });

/**
 * @param {string} fileId
 * @param {Blob} picture  WebP or JPEG
 * @returns {Promise<Cover>}
 */
export const keepCover = (fileId, picture) => api.put(`files/${fileId}/cover/`, picture);

/** @param {string} fileId */
export const dropCover = (fileId) => api.remove(`files/${fileId}/cover/`, AGAIN);

/**
 * @param {SignedRun} run
 * @param {AbortSignal} signal
 * @param {number} [turn]  which copy to ask, counted round
 * @returns {Promise<ReadableStream<Uint8Array>>} exactly these segments, unless the line breaks
 * @throws {ReadError}
 */
export async function stream(run, signal, turn = 0) {
  const { url, headers, others } = turned(run, turn);
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), others.length > 0 ? ANSWER_SOON_MS : ANSWER_MS);
  try {
    const response = await fetch(url, {
      headers,
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.any([signal, stop.signal]),
    });
    if (response.status === 206 && response.body) return response.body;
    void response.body?.cancel().catch(() => undefined);
    const { status } = response;
    throw new ReadError(`The store answered with ${status} instead of the bytes.`, status);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ReadError) throw cause;
    throw Object.assign(new ReadError('The store cannot be reached.', 0), { cause });
  } finally {
    clearTimeout(late);
  }
}
