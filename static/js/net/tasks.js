/**
 * What needs a creator, and what they decide about a sale.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Owed
 * @property {number} due_sat
 * @property {number} paid_sat
 * @property {string} address
 * @property {string} uri
 * @property {string} txid
 *
 * @typedef {object} Task
 * @property {'refund' | 'failure' | 'short' | 'conflict' | 'reversed' | 'token' | 'forward'} kind
 * @property {string | null} purchase
 * @property {string} title
 * @property {string} says
 * @property {{state: string, seen_sat: number, confirmed_sat: number, due_sat: number} | null} invoice
 * @property {Owed | null} refund
 * @property {string} txid
 */

/** @returns {Promise<{tasks: Task[]}>} */
export const list = () => api.get('tasks/');

/** @param {string} purchase */
export const accept = (purchase) => api.post(`sales/${purchase}/acceptance/`);

/**
 * @param {string} purchase
 * @param {number} dueSat
 */
export const offerBack = (purchase, dueSat) =>
  api.post(`sales/${purchase}/refund/`, { due_sat: dueSat });

/**
 * @param {string} purchase
 * @param {string} note
 */
export const close = (purchase, note) => api.post(`sales/${purchase}/refund/closing/`, { note });

/**
 * @param {string} purchase
 * @param {string} note
 */
export const closeFailure = (purchase, note) => api.post(`sales/${purchase}/failures/`, { note });
