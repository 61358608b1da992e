/**
 * Reports of files, and appeals.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Proof  one segment: bytes in base64url
 * @property {string} content_id
 * @property {number} segment
 * @property {string} row
 * @property {string} path
 * @property {string} key  of this segment alone
 *
 * @typedef {object} Report
 * @property {string} kind
 * @property {string} text
 * @property {string} email
 * @property {string} name
 * @property {string} work
 * @property {boolean} good_faith
 * @property {Proof | null} proof
 */

/**
 * Asked once only: a repetition would report twice.
 * @param {string} fileId
 * @param {Report} report
 * @returns {Promise<{reference: string}>}
 */
export const send = (fileId, report) =>
  api.post(`files/${fileId}/reports/`, report, { withSession: false });

/**
 * @param {string} measureId
 * @param {string} text
 */
export const appeal = (measureId, text) => api.post(`decisions/${measureId}/appeal/`, { text });

/**
 * Of a whole account that was suspended.
 * @param {string} text
 */
export const appealSuspension = (text) => api.post('suspension/appeal/', { text });
