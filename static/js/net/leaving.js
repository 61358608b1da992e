/**
 * Calls at the end of an account: everything of it, and closing it.
 * @module
 */
import * as api from './api.js';

const TIMEOUT_MS = 300_000; // a long life of sales takes a while to write down

/**
 * @typedef {{id: string, h_s: string, generation: number, link_generation: number,
 *   link_file_id: string, link?: string}} ExportedFile  and much that is only passed on
 * @typedef {{made_at: string, files: ExportedFile[]}} Exported  docs/account.md
 */

/** @returns {Promise<Exported>} */
export const everything = () => api.get('account/export/', { timeoutMs: TIMEOUT_MS });

/** @param {{derived: string, code?: string}} proof */
export const close = (proof) => api.post('account/closing/', proof);
