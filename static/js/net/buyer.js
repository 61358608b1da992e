/**
 * A buyer's calls, one function each, and the shapes they answer with. Everything about a purchase
 * is proved by its claim; no cookie goes along.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Offer
 * @property {string} id
 * @property {'published' | 'paused' | 'removed'} state
 * @property {string} title
 * @property {string} description
 * @property {{amount: string, currency: string}} price
 * @property {number | null} price_sat_estimate
 * @property {boolean} rate_missing
 * @property {number} size_bytes     of the whole sealed object
 * @property {number} payload_bytes
 * @property {string} content_id     hex
 * @property {string} wrapped_key    W, base64url
 * @property {string} h_s            hex
 * @property {number} generation  of S
 * @property {number} link_generation  of L
 * @property {string} meta_link      base64url; '' where the stored description opens with the link
 * @property {string} core_header    base64url
 * @property {number} confirmations
 * @property {boolean} opens_instantly
 * @property {boolean} stream_only  its creator asks that it be watched in the page
 * @property {{username: string}} creator
 * @property {import('./showing.js').SampleBrief | null} sample
 * @property {import('./showing.js').Audit | null} audit
 * @property {import('../ui/priced.js').Selling} selling  how it is sold
 * @property {{is_adult: boolean, shows_contents: boolean}} showcase  how it is shown
 *
 * @typedef {import('../ui/price.js').Price} Price
 * @typedef {{pays?: Price, tip?: Price, code?: string, content_id?: string}} Wish  what a buyer agreed
 *   to; `content_id` is what was looked at
 *
 * @typedef {'OPEN' | 'PARTIAL' | 'SEEN' | 'SUSPECT' | 'PAID' | 'EXPIRED' | 'REVERSED'} InvoiceState
 *
 * @typedef {object} Live  what changes while one waits
 * @property {InvoiceState} state
 * @property {string[]} flags
 * @property {number} due_sat
 * @property {number} seen_sat
 * @property {number} confirmed_sat
 * @property {number} missing_sat
 * @property {string} quote_until
 * @property {number} depth
 * @property {number} confirmations
 * @property {string} instant_wait
 * @property {boolean} stale
 * @property {number} over_sat
 * @property {boolean} is_withdrawn  it opens nothing any more; what comes goes back
 *
 * @typedef {object} Words  how it stands, for its buyer (unlock/wordings.py)
 * @property {string} says
 * @property {'' | 'amber' | 'red'} tone
 * @property {string[]} notes
 * @property {boolean} is_payable
 *
 * @typedef {Live & {address: string, uri: string, network: string, settled_at: string | null,
 *   is_instant: boolean, tolerance_sat: number, refund_address: string,
 *   price: {amount: string, currency: string}}} Invoice
 *
 * @typedef {object} Refund
 * @property {'over' | 'removed' | 'oversold' | 'failed' | 'agreed'} reason
 * @property {number} due_sat
 * @property {number} paid_sat
 * @property {string} address
 * @property {string} txid
 * @property {string} asked_at
 * @property {string | null} seen_at
 * @property {string | null} closed_at
 * @property {string} note
 *
 * @typedef {{body: string, signature: string}} Ticket
 *
 * @typedef {'none' | 'pending' | 'ready'} ReleaseState
 *
 * @typedef {object} Purchased
 * @property {string} id
 * @property {Offer} file
 * @property {ReleaseState} release
 * @property {string | null} grant
 * @property {Ticket | null} ticket
 * @property {Invoice | null} invoice
 * @property {Refund | null} refund
 * @property {string} exchange_hint
 * @property {string} pay_page  for a friend who pays; '' where nothing is owed
 * @property {boolean} has_note
 * @property {{version: number, note: string, published_at: string, file: Offer} | null} newer  the
 *   newest version that came with it since
 * @property {boolean} is_erased  its seller took it from everybody
 *
 * @typedef {Purchased & Words} Purchase
 *
 * @typedef {object} Release
 * @property {'pending'} [release]  the key is still being sealed: ask again
 * @property {string} sealed
 * @property {string} h_s
 * @property {string} wrapped_key
 * @property {string} content_id
 * @property {number} generation
 *
 * @typedef {{says: string, note: string, closed_at: string | null}} Failure
 * @typedef {{copy: string, url: string, bytes: number, etag: string, expires_at: string,
 *   is_lasting: boolean}} Location  `is_lasting`: not signed, good for as long as its host stands
 * @typedef {import('./bytes.js').Stretch} SignedRange
 */

const AGAIN = { repeatable: true };

/**
 * @param {string} fileId
 * @returns {Promise<Offer>}
 */
export const offer = (fileId) => api.get(`files/${fileId}/`, { withSession: false });

/**
 * @param {string} fileId
 * @param {string} [contentId]  of an older version; else of what is on sale
 * @returns {Promise<{header: SignedRange, index: SignedRange}>}
 */
export const ranges = (fileId, contentId = '') =>
  api.get(`files/${fileId}/ranges/${contentId && `?content_id=${contentId}`}`, {
    withSession: false,
  });

/**
 * Asked once only: a repetition would order twice.
 * @param {string} fileId
 * @param {{buyerKey: string, claim: string, note: string, wish?: Wish}} buyer
 * @returns {Promise<Purchase>}
 */
export const order = (fileId, { buyerKey, claim, note, wish }) =>
  api.post(`files/${fileId}/purchases/`, { buyer_key: buyerKey, note, ...wish }, { claim });

/**
 * What was bought before and lost: nothing to pay, and nothing opens before the creator says yes.
 * @param {string} fileId
 * @param {{buyerKey: string, claim: string, note: string}} buyer
 * @returns {Promise<Purchase>}
 */
export const askAgain = (fileId, { buyerKey, claim, note }) =>
  api.post(`files/${fileId}/again/`, { buyer_key: buyerKey, note }, { claim });

/**
 * @param {string} id
 * @param {string} claim
 * @param {string} note  L, sealed under the purchase's seed
 * @returns {Promise<Purchase>}
 */
export const keepNote = (id, claim, note) => api.put(`purchases/${id}/note/`, { note }, { claim });

/**
 * What it costs with the code of a link; nothing is ordered. Sent in the body: addresses are logged.
 * @param {string} fileId
 * @param {string} code
 * @returns {Promise<{price: Price, grant: string | null, is_floored: boolean}>}
 */
export const priceWith = (fileId, code) =>
  api.post(`files/${fileId}/price/`, { code }, { withSession: false });

/**
 * @param {string} id
 * @param {string} claim
 * @param {AbortSignal} [signal]
 * @returns {Promise<Purchase>}
 */
export const purchase = (id, claim, signal) =>
  api.get(`purchases/${id}/`, signal ? { claim, signal } : { claim });

/**
 * @param {string} id
 * @param {string} claim
 * @returns {Promise<Purchase>}
 */
export const requote = (id, claim) => api.post(`purchases/${id}/quotes/`, {}, { claim });

/**
 * @param {string} id
 * @param {string} claim
 * @param {string} address
 * @returns {Promise<Purchase>}
 */
export const keepRefundAddress = (id, claim, address) =>
  api.put(`purchases/${id}/refund-address/`, { address }, { claim });

/**
 * The server has lost this purchase and gets its own signed promise back. Twice is once.
 * @param {Ticket} ticket
 * @param {string} claim
 * @returns {Promise<Purchase>}
 */
export const restore = (ticket, claim) =>
  api.post('purchases/restored/', ticket, { ...AGAIN, claim });

/**
 * @param {string} id
 * @param {string} claim
 * @param {string} contentId  of a version that the purchase has
 * @returns {Promise<Release>}
 */
export const release = (id, claim, contentId) =>
  api.post(`purchases/${id}/release/`, { content_id: contentId }, { ...AGAIN, claim });

/**
 * @param {string} id
 * @param {string} claim
 * @param {string} contentId  of a version that the purchase has
 * @param {AbortSignal} [signal]
 * @returns {Promise<{urls: Location[]}>}
 */
export const location = (id, claim, contentId, signal) =>
  api.post(
    `purchases/${id}/location/`,
    { content_id: contentId },
    { ...AGAIN, claim, ...(signal ? { signal } : {}) },
  );

/**
 * @param {string} id
 * @param {string} claim
 * @returns {Promise<{failures: Failure[]}>}
 */
export const failures = (id, claim) => api.get(`purchases/${id}/failures/`, { claim });

/**
 * Twice is once.
 * @param {string} id
 * @param {string} claim
 * @param {{step: string, code: string, segment: number | null}} told
 * @returns {Promise<Failure>}
 */
export const tellFailure = (id, claim, told) =>
  api.post(`purchases/${id}/failures/`, told, { ...AGAIN, claim });

/**
 * A copy did not give what was sold; the server will look at it.
 * @param {string} id
 * @param {string} claim
 * @param {{copy: string, offset: number}} seen
 * @returns {Promise<unknown>}
 */
export const complain = (id, claim, seen) =>
  api.post(`purchases/${id}/complaints/`, seen, { claim });

/**
 * @param {string} id
 * @param {string} claim
 * @param {string} [contentId]  of a version that the purchase has; else of the bought one
 * @returns {Promise<{receipt: string, signature: string}>}
 */
export const receipt = (id, claim, contentId = '') =>
  api.get(`purchases/${id}/receipt/${contentId && `?content_id=${contentId}`}`, { claim });
