/**
 * A creator's calls about where a file lies.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Place
 * @property {string} id
 * @property {'store' | 'url'} kind
 * @property {string} host
 * @property {string} url
 * @property {'checking' | 'good' | 'damaged'} state
 * @property {number} size_bytes
 * @property {string | null} verified_at
 * @property {string | null} checked_at
 */

/**
 * @param {string} fileId
 * @returns {Promise<{copies: Place[]}>}
 */
export const places = (fileId) => api.get(`files/${fileId}/copies/`);

/**
 * Looked at while one waits; used once every byte was compared.
 * @param {string} fileId
 * @param {string} url
 * @returns {Promise<Place>}
 */
export const addPlace = (fileId, url) => api.post(`files/${fileId}/copies/`, { url });

/**
 * @param {string} fileId
 * @param {string} id  of one of the creator's own
 */
export const removePlace = (fileId, id) => api.remove(`files/${fileId}/copies/${id}/`);
