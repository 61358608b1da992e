/**
 * A creator's calls about tokens for programs.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Token
 * @property {string} id
 * @property {string} name
 * @property {string[]} scopes
 * @property {string} created_at
 * @property {string} expires_at
 * @property {string | null} used_at  to within an hour
 *
 * @typedef {{name: string, scopes: string[], days: number, derived: string, code?: string}} Wish
 */

/** @returns {Promise<{tokens: Token[]}>} */
export const tokens = () => api.get('tokens/');

/**
 * @param {Wish} wish
 * @returns {Promise<Token & {token: string}>} the token itself, told once
 */
export const makeToken = (wish) => api.post('tokens/', wish);

/** @param {string} id */
export const endToken = (id) => api.remove(`tokens/${id}/`);
