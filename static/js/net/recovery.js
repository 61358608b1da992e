/**
 * The two public questions of the page /recover/. No login, no cookies: only scripts and finished
 * transactions go out.
 * @module
 */
import * as api from './api.js';

/** @typedef {{script: string, txid: string, vout: number, value_sat: number, has_token: boolean}} Told */

const PUBLIC = { withSession: false, repeatable: true, timeoutMs: 60_000 };

/**
 * @param {string[]} scripts  up to 100, hex
 * @returns {Promise<{coins: Told[], used: string[]}>}
 */
export const coins = (scripts) => api.post('recovery/coins/', { scripts }, PUBLIC);

/**
 * @param {string} raw  hex
 * @returns {Promise<{txid: string}>} sending twice is the same as once
 */
export const broadcast = (raw) => api.post('recovery/broadcast/', { raw }, PUBLIC);
