/**
 * Keys that the site lost and asks for again.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {object} Wanted
 * @property {string} file
 * @property {string} title
 * @property {number} generation
 * @property {string} file_id  hex: what S is made from, with R
 * @property {string} h_s  hex
 *
 * @typedef {{deposits: Wanted[], left: number}} WantedList  `left`: in all; a hundred are listed
 * @typedef {{file: string, generation: number, s: string}} Given  base64url
 */

/** @returns {Promise<WantedList>} */
export const missing = () => api.get('deposits/');

/**
 * @param {Given[]} deposits
 * @returns {Promise<WantedList>}
 */
export const give = (deposits) => api.put('deposits/', { deposits });
