/**
 * Calls about a creator's shop window: profile, shop, and how a description will look.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {string | {tag: string, href?: string, children: Rendered[]}} Rendered
 * @typedef {{username: string, about: string, contact: string, avatar_sha256: string}} Profile
 * @typedef {{file: string, entry: string, generation: number}} Entry  base64url; of the file's link
 * @typedef {{is_open: boolean, generation: number, files: Entry[], stale: number}} OwnShop  `stale`:
 *   entries of links that were renewed since
 *
 * @typedef {object} Tile
 * @property {string} id
 * @property {string} title
 * @property {import('../ui/price.js').Price} price
 * @property {import('../ui/priced.js').Selling} selling
 * @property {number} payload_bytes
 * @property {boolean} is_adult
 * @property {{sha256: string, width: number, height: number} | null} cover
 * @property {string} entry  base64url
 */

/** @returns {Promise<Profile>} */
export const profile = () => api.get('profile/');

/**
 * @param {{about: string, contact: string}} said
 * @returns {Promise<Profile>}
 */
export const keepProfile = (said) => api.put('profile/', said);

/**
 * @param {Blob} picture
 * @returns {Promise<Profile>}
 */
export const keepAvatar = (picture) => api.put('profile/avatar/', picture);

export const dropAvatar = () => api.remove('profile/avatar/', { repeatable: true });

/**
 * @param {string} text  Markdown
 * @returns {Promise<{nodes: Rendered[]}>}
 */
export const previewDescription = (text) =>
  api.post('descriptions/preview/', { text }, { repeatable: true });

/** @returns {Promise<OwnShop>} */
export const ownShop = () => api.get('shop/');

/**
 * @param {{generation: number, access_hash: string, files: Entry[]}} shop  the whole of it
 * @returns {Promise<OwnShop>}
 */
export const keepShop = (shop) => api.put('shop/', shop);

export const closeShop = () => api.remove('shop/', { repeatable: true });

/**
 * @param {string} username
 * @param {string} proof  of having the link
 * @returns {Promise<{generation: number, files: Tile[]}>}
 */
export const enterShop = (username, proof) =>
  api.get(`shops/${encodeURIComponent(username)}/`, { proof });
