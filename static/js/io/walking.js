/**
 * From B to its purchases: numbers are asked for in order, some at a time, until enough in a row
 * were never used.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { claimSecret, purchaseSeed } from '../crypto/keys.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Held } from '../net/library.js' */

/**
 * Numbers in a row that may be unused. An order that failed leaves a gap; a hundred in a row do not
 * happen, and looking for them costs five calls.
 */
export const GAP = 100;
const BATCH = 20;
const AT_ONCE = 2;

/** @typedef {{n: number, seed: Bytes, held: Held}} Found */

/**
 * @param {Bytes} root  B
 * @param {object} how
 * @param {(claims: string[]) => Promise<Held[]>} how.lookUp  rejects where it is stopped
 * @param {(asked: number, found: number) => void} [how.onProgress]
 * @param {number} [how.gap]
 * @returns {Promise<Found[]>} by their numbers
 */
export async function walk(root, { lookUp, onProgress = () => undefined, gap = GAP }) {
  /** @type {Found[]} */
  const found = [];
  let next = 0;
  while (next - highest(found) - 1 < gap) {
    const missing = gap - (next - highest(found) - 1);
    const batches = Math.min(AT_ONCE, Math.ceil(missing / BATCH));
    const firsts = Array.from({ length: batches }, (_, at) => next + at * BATCH);
    const answers = await Promise.all(firsts.map((first) => lookAt(root, first, lookUp)));
    found.push(...answers.flat());
    next += batches * BATCH;
    onProgress(next, found.length);
  }
  return found;
}

/** @param {Found[]} found  @returns {number} -1 for none */
export function highest(found) {
  return found.reduce((most, { n }) => Math.max(most, n), -1);
}

/**
 * @param {Bytes} root
 * @param {number} first
 * @param {(claims: string[]) => Promise<Held[]>} lookUp
 */
async function lookAt(root, first, lookUp) {
  const seeds = Array.from({ length: BATCH }, (_, at) => purchaseSeed(root, first + at));
  const held = await lookUp(seeds.map((seed) => toBase64url(claimSecret(seed))));
  return held.map((each) => ({
    n: first + each.at,
    seed: /** @type {Bytes} */ (seeds[each.at]),
    held: each,
  }));
}
