/**
 * "Buy it yourself": a creator's own purchase at the floor, on the very path that buyers take.
 * It proves the address, the file and the link.
 * @module
 */
import { returnFragment } from '../crypto/links.js';
import * as remembered from '../io/buyer.js';
import { ApiError } from '../net/api.js';
import * as creator from '../net/creator.js';
import * as format from '../ui/format.js';
import { t } from '../texts/say.js';
import { linkSecretOf } from './keys.js';
import { order } from './ordering.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Keyed } from './keys.js'
 *
 * @typedef {{state: string, checks: {address_proven: boolean}, floor_sat: number | null}} Provable
 */

/**
 * @param {Provable} file
 * @returns {boolean} whether there is something left to prove
 */
export function canProve({ state, checks, floor_sat: floor }) {
  return ['published', 'paused'].includes(state) && !checks.address_proven && floor !== null;
}

/** @param {Pick<Provable, 'floor_sat'>} file */
export function proofWords({ floor_sat: floor }) {
  return t('Buy it yourself for {amount}', { amount: format.coins(floor ?? 0) });
}

/**
 * Goes to the purchase; to the one that waits already, if it was begun in this browser.
 * @param {Keyed} file
 * @param {Bytes} root  R
 */
export async function buyYourself(file, root) {
  const link = linkSecretOf(root, file);
  try {
    location.assign(await order(file.id, link, { ask: creator.beginProof, isProof: true }));
  } catch (error) {
    const known = await remembered.lastProofOf(file.id);
    if (!(error instanceof ApiError) || error.code !== 'proof_open' || !known) throw error;
    location.assign(`/p/${known.purchaseId}${returnFragment(known.link, known.seed)}`);
  }
}
