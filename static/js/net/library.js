/**
 * Purchases by their claims, a payment for a friend, and what is given again.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {import('../ui/price.js').Price} Price
 *
 * @typedef {object} Held  a purchase in brief
 * @property {number} at  the place of its claim in what was asked
 * @property {string} id
 * @property {{id: string, title: string, creator: string, state: 'published' | 'paused' | 'removed',
 *   removed_reason: string, payload_bytes: number, cover: string}} file
 * @property {string} created_at
 * @property {string | null} settled_at
 * @property {'none' | 'pending' | 'ready'} release
 * @property {string | null} grant
 * @property {boolean} is_proof
 * @property {'' | import('./buyer.js').InvoiceState} state
 * @property {Price | null} price
 * @property {number} due_sat
 * @property {number} seen_sat
 * @property {number} missing_sat
 * @property {string | null} quote_until
 * @property {boolean} is_withdrawn
 * @property {import('./buyer.js').Refund | null} refund
 * @property {string} says
 * @property {'' | 'amber' | 'red'} tone
 * @property {string[]} notes
 * @property {boolean} is_payable
 * @property {string} pay_page
 * @property {string} note  base64url; '' where none was left
 *
 * @typedef {object} Payment  as somebody sees it who pays for a friend
 * @property {import('./buyer.js').InvoiceState} state
 * @property {string} address
 * @property {string} uri
 * @property {Price} price
 * @property {number} due_sat
 * @property {number} seen_sat
 * @property {number} missing_sat
 * @property {string} quote_until
 * @property {string} says
 * @property {'' | 'amber' | 'red'} tone
 * @property {boolean} is_payable
 *
 * @typedef {object} Past  a paid sale that may be the one
 * @property {string} purchase
 * @property {string} reference
 * @property {string} created_at
 * @property {string | null} settled_at
 * @property {Price} price
 * @property {number} settled_sat
 * @property {string} address
 * @property {string[]} txids
 * @property {number} given
 *
 * @typedef {{purchase: string, file: string, title: string, asked_at: string, is_given: boolean,
 *   sales: Past[]}} AskedAgain
 */

/** How many claims one call takes. */
export const MOST = 20;

/**
 * In the body, over TLS as the header: twenty numbers in one call.
 * @param {string[]} claims  base64url, at most MOST
 * @param {AbortSignal} [signal]
 * @returns {Promise<Held[]>} what nobody bought is left out
 */
export async function heldBy(claims, signal) {
  const options = { repeatable: true, withSession: false, ...(signal ? { signal } : {}) };
  const { purchases } = await api.post('purchases/claims/', { claims }, options);
  return purchases;
}

/**
 * @param {string} invoiceId
 * @returns {Promise<Payment>}
 */
export const payment = (invoiceId) => api.get(`payments/${invoiceId}/`, { withSession: false });

/**
 * @param {string} purchaseId  what was asked for
 * @param {string} text  what the buyer remembers
 * @returns {Promise<AskedAgain>}
 */
export const askedAgain = (purchaseId, text) =>
  api.get(`asked-again/${purchaseId}/?${new URLSearchParams({ q: text })}`);

/**
 * Twice is once.
 * @param {string} sale  the old purchase
 * @param {string} purchase  what was asked for
 * @param {number} given  how often it was given again, as the creator saw it
 * @returns {Promise<{purchase: string, given: number}>}
 */
export const giveAgain = (sale, purchase, given) =>
  api.post(`sales/${sale}/again/`, { purchase, given }, { repeatable: true });

/**
 * @returns {Promise<{instance: string, signing_key: string}>} what this site says of itself
 */
export async function instance() {
  const answer = await fetch('/.well-known/kim.json', { credentials: 'omit' });
  if (!answer.ok) throw new Error('The site does not tell its key at the moment.');
  return answer.json();
}
