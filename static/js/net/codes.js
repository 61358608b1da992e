/**
 * A creator's calls about discount codes and gifts.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {import('../ui/price.js').Price} Price
 *
 * @typedef {object} Code
 * @property {string} id
 * @property {string} code
 * @property {string} note
 * @property {boolean} is_gift
 * @property {number | null} percent
 * @property {Price | null} amount_off
 * @property {number | null} quantity
 * @property {number} uses
 * @property {string | null} starts_at
 * @property {string | null} ends_at
 * @property {string | null} ended_at
 *
 * @typedef {object} Making
 * @property {string} note
 * @property {boolean} [is_gift]
 * @property {number} [count]  of gifts, one use each
 * @property {number} [percent]
 * @property {Price} [amount_off]
 * @property {number | null} [quantity]
 * @property {string | null} [ends_at]
 */

/**
 * @param {string} fileId
 * @returns {Promise<{codes: Code[]}>}
 */
export const codes = async (fileId) => ({
  codes: await api.getAll(`files/${fileId}/codes/`, 'codes'),
});

/**
 * Asked once only: a repetition would make more of them.
 * @param {string} fileId
 * @param {Making} asked
 * @returns {Promise<{codes: Code[]}>} those that were made
 */
export const makeCodes = (fileId, asked) => api.post(`files/${fileId}/codes/`, asked);

/** @param {string} id */
export const endCode = (id) => api.remove(`codes/${id}/`);
