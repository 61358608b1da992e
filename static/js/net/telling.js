/**
 * Calls about webhooks and notices, and the shapes they answer with.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Webhook
 * @property {string} id
 * @property {string} url
 * @property {string[]} kinds
 * @property {boolean} is_active
 * @property {string} created_at
 * @property {string} [secret]  once, when it is made
 *
 * @typedef {{at: string, status: number | null, error: string, ms: number}} Attempt
 * @typedef {object} Delivery
 * @property {string} id
 * @property {string} kind
 * @property {'waiting' | 'delivered' | 'given_up' | 'dropped'} state
 * @property {boolean} is_redelivery
 * @property {number} attempts
 * @property {Attempt[]} log
 * @property {string | null} due_at
 * @property {string} created_at
 *
 * @typedef {{id: string, kind: string, text: string, created_at: string, read_at: string | null}}
 *   Notice
 * @typedef {object} Wishes
 * @property {{kind: string, text: string, is_on: boolean}[]} kinds
 * @property {boolean} can_mail
 * @property {string} email
 * @property {boolean} is_confirmed
 */

const AGAIN = { repeatable: true };

/** @returns {Promise<{webhooks: Webhook[], kinds: string[], most: number}>} */
export const webhooks = () => api.get('webhooks/');

/**
 * @param {string} url
 * @returns {Promise<Webhook>}
 */
export const addWebhook = (url) => api.post('webhooks/', { url });

/**
 * @param {string} id
 * @param {boolean} isActive
 * @returns {Promise<Webhook>}
 */
export const switchWebhook = (id, isActive) =>
  api.patch(`webhooks/${id}/`, { is_active: isActive }, AGAIN);

/** @param {string} id */
export const removeWebhook = (id) => api.remove(`webhooks/${id}/`);

/**
 * @param {string} id
 * @returns {Promise<Delivery>}
 */
export const testWebhook = (id) => api.post(`webhooks/${id}/test/`);

/**
 * @param {string} id
 * @param {string} [before]
 * @returns {Promise<{deliveries: Delivery[], next: string}>}
 */
export const deliveries = (id, before) =>
  api.get(`webhooks/${id}/deliveries/?limit=10${before ? `&cursor=${before}` : ''}`);

/**
 * @param {string} id
 * @param {string} deliveryId
 * @returns {Promise<Delivery>}
 */
export const delivery = (id, deliveryId) => api.get(`webhooks/${id}/deliveries/${deliveryId}/`);

/**
 * @param {string} id
 * @param {string} deliveryId
 * @returns {Promise<Delivery>}
 */
export const sendAgain = (id, deliveryId) =>
  api.post(`webhooks/${id}/deliveries/${deliveryId}/again/`);

/**
 * @param {string} [before]
 * @returns {Promise<{notices: Notice[], unread: number, next: string}>}
 */
export const notices = (before) => api.get(`notices/${before ? `?cursor=${before}` : ''}`);

/** @returns {Promise<{unread: number}>} */
export const readNotices = () => api.post('notices/read/', {}, AGAIN);

/** @returns {Promise<Wishes>} */
export const wishes = () => api.get('notices/wishes/');

/**
 * @param {string[]} muted
 * @returns {Promise<Wishes>}
 */
export const mute = (muted) => api.put('notices/wishes/', { muted });

/**
 * @param {string} email
 * @param {{derived: string, code?: string}} proof
 * @returns {Promise<Wishes>}
 */
export const askEmail = (email, proof) =>
  api.put('notices/email/', { email, ...proof }, { repeatable: false });

/**
 * @param {string} code
 * @returns {Promise<Wishes>}
 */
export const confirmEmail = (code) => api.post('notices/email/code/', { code });

/** @param {{derived: string, code?: string}} proof */
export const stopEmail = (proof) => api.post('notices/email/removal/', proof);
