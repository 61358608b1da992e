/**
 * The creator's dashboard: what needs them, what was earned, and files with what each brought in.
 * @module
 */
import * as api from './api.js';

/**
 * @import { Price } from './creator.js'
 * @import { Bar, Step, Takings } from './sales.js'
 *
 * @typedef {'payout_waits' | 'keys_lost' | 'copies_lost' | 'refunds' | 'decisions' | 'payout_missing' | 'payout_gap' |
 *   'troubles'} NeedKind
 * @typedef {{kind: NeedKind, count: number, due_at: string | null}} Need
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {'draft' | 'published' | 'paused' | 'removed'} state
 * @property {string} title
 * @property {Price} price
 * @property {import('../ui/pricefield.js').Pricing} pricing
 * @property {number} payload_bytes
 * @property {string} cover  hex SHA-256 of the picture; empty without one
 * @property {string} link_file_id
 * @property {number} link_generation
 * @property {string} h_s
 * @property {number} generation
 * @property {string} created_at
 * @property {Takings} takings
 * @property {number} given  copies that cost nothing
 * @property {string | null} last_at  when one was sold or given last
 * @property {boolean} is_proven  money for it did arrive once
 *
 * @typedef {object} Dashboard
 * @property {Need[]} needs  most pressing first
 * @property {Takings} total
 * @property {number} given
 * @property {Step} step
 * @property {Bar[]} bars
 * @property {number | null} floor_sat
 * @property {Record<Row['state'], number>} states
 * @property {Row[]} files
 * @property {number} found
 * @property {number} page
 * @property {number} pages
 */

/**
 * @param {URLSearchParams} wanted  q, state, sort, page, tz
 * @param {AbortSignal} signal
 * @returns {Promise<Dashboard>}
 */
export const dashboard = (wanted, signal) => api.get(`dashboard/?${wanted}`, { signal });
