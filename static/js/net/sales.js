/**
 * The creator's sales: the list, the totals, and where the files to save are.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {import('./creator.js').Price} Price
 * @typedef {'OPEN' | 'PARTIAL' | 'SEEN' | 'SUSPECT' | 'PAID' | 'EXPIRED' | 'REVERSED'} State
 *
 * @typedef {object} Payment
 * @property {string} txid
 * @property {number} vout
 * @property {number} value_sat
 * @property {string} seen
 * @property {string} first_seen_at
 * @property {number | null} height
 * @property {number} confirmations
 * @property {Price | null} worth
 * @property {string} forward_txid
 *
 * @typedef {object} Sale
 * @property {string} purchase
 * @property {string} invoice
 * @property {string} file
 * @property {string} title
 * @property {boolean} is_proof
 * @property {State} state
 * @property {string[]} flags
 * @property {string} created_at
 * @property {string | null} settled_at
 * @property {boolean} is_instant
 * @property {Price} price
 * @property {Price | null} tip  a part of the price
 * @property {number} due_sat
 * @property {number} seen_sat
 * @property {number} missing_sat
 * @property {number} settled_sat
 * @property {number} over_sat
 * @property {Price | null} worth
 * @property {string} address
 * @property {string} derivation  `m/0/7` below the xpub, or `forwarder 7`
 * @property {Payment[]} payments
 * @property {{due_sat: number, paid_sat: number, txid: string, is_closed: boolean} | null} refund
 *
 * @typedef {{count: number, income_sat: number, worth: Price[], unpriced: number}} Takings
 * @typedef {{start: string, takings: Takings}} Bar
 * @typedef {'day' | 'week' | 'month'} Step
 *
 * @typedef {object} Summary
 * @property {Takings} total
 * @property {number} refunded_sat
 * @property {number} reversed
 * @property {number} refunds_due
 * @property {number} waiting
 * @property {number} free  taken for nothing: no sales
 * @property {Step} step
 * @property {Bar[]} bars
 */

/**
 * @param {URLSearchParams} wanted
 * @param {AbortSignal} signal
 * @returns {Promise<{sales: Sale[], next: string}>}
 */
export const list = (wanted, signal) => api.get(`sales/?${wanted}`, { signal });

/**
 * @param {URLSearchParams} wanted
 * @param {AbortSignal} signal
 * @returns {Promise<Summary>}
 */
export const summary = (wanted, signal) => api.get(`sales/summary/?${wanted}`, { signal });

/**
 * @param {URLSearchParams} wanted
 * @param {'csv' | 'json'} kind
 */
export const exportUrl = (wanted, kind) => `/api/v1/sales/export/?as=${kind}&${wanted}`;

/** @param {string} purchase */
export const evidenceUrl = (purchase) => `/api/v1/sales/${purchase}/evidence/`;
