/**
 * Replacing what a file sells, and its link: a creator's calls.
 * @module
 */
import * as api from './api.js';

/**
 * @import { FileView } from './creator.js'
 *
 * @typedef {object} Key  base64url; `h_s` hex
 * @property {number} link_generation
 * @property {number} generation
 * @property {string} wrapped_key
 * @property {string} h_s
 * @property {string} s
 * @property {string} [meta_link]
 *
 * @typedef {{upload?: string, note?: string, is_for_earlier?: boolean, keys: Key[]}} Wanted
 */

const AGAIN = { repeatable: true };

/**
 * @param {string} fileId
 * @param {Wanted} wanted  without an upload: the same content under a new link
 * @returns {Promise<{content_id: string, generation: number}>}
 */
export const stage = (fileId, wanted) => api.put(`files/${fileId}/replacement/`, wanted);

/** @param {string} fileId */
export const unstage = (fileId) => api.remove(`files/${fileId}/replacement/`);

/**
 * @param {string} fileId
 * @returns {Promise<{nonce: string, segments: number[]}>}
 */
export const drawAudit = (fileId) => api.post(`files/${fileId}/replacement/audit/`, {}, AGAIN);

/**
 * @param {string} fileId
 * @param {string} entries
 */
export const keepAudit = (fileId, entries) =>
  api.put(`files/${fileId}/replacement/audit/`, { entries }, { timeoutMs: 120_000 });

/**
 * @param {string} fileId
 * @param {{buyerKey: string, claim: string}} buyer
 * @returns {Promise<{purchase: string}>}
 */
export const beginSelftest = (fileId, { buyerKey, claim }) =>
  api.post(
    `files/${fileId}/replacement/selftest/`,
    { buyer_key: buyerKey },
    { withSession: true, claim },
  );

/**
 * @param {string} fileId
 * @param {string} selftest
 * @returns {Promise<FileView>}
 */
export const publish = (fileId, selftest) =>
  api.post(`files/${fileId}/replacement/publication/`, { selftest, passed: true }, AGAIN);

/**
 * @param {string} fileId
 * @returns {Promise<FileView>} removed, for past buyers too
 */
export const erase = (fileId) => api.post(`files/${fileId}/erasure/`, {}, AGAIN);

/**
 * @param {string} fileId
 * @param {string} contentId  hex, of a version of it
 * @returns {Promise<{header: import('./bytes.js').Stretch, index: import('./bytes.js').Stretch}>}
 */
export const ranges = (fileId, contentId) =>
  api.get(`files/${fileId}/ranges/?content_id=${contentId}`);
