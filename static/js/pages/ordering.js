/**
 * Pressing Buy: a seed of this purchase's own, its claim and key pair, and the order.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { deriveKeyPair } from '../crypto/hpke.js';
import { buyerKeySeed, claimSecret } from '../crypto/keys.js';
import { returnFragment } from '../crypto/links.js';
import { sealNote } from '../crypto/notes.js';
import * as remembered from '../io/buyer.js';
import { CannotWork } from '../io/probe.js';
import { ApiError } from '../net/api.js';
import * as buyer from '../net/buyer.js';

/** @import { Bytes } from '../crypto/bytes.js' */

/** A root restored elsewhere starts counting at 0: its numbers may be taken for a while. */
const TRIES = 50;

/**
 * @param {string} paidFileId
 * @param {Bytes} link  L
 * @param {{ask?: typeof buyer.order, isProof?: boolean, wish?: buyer.Wish}} [how]  a creator's own
 *   purchase is asked for elsewhere
 * @returns {Promise<string>} where the return link leads, fragment and all
 */
export async function order(
  paidFileId,
  link,
  { ask = buyer.order, isProof = false, wish = {} } = {},
) {
  for (let attempt = 0; ; attempt += 1) {
    const { n, seed } = await remembered.nextSeed();
    const claim = toBase64url(claimSecret(seed));
    const { publicKey } = await deriveKeyPair(buyerKeySeed(seed)).catch((cause) => {
      throw new CannotWork('The encryption built into this browser does not work.', cause);
    });
    const note = toBase64url(await sealNote(seed, paidFileId, link));
    try {
      const made = await ask(paidFileId, { buyerKey: toBase64url(publicKey), claim, note, wish });
      const { id: purchaseId, ticket } = made;
      const bought = { purchaseId, paidFileId, n, link, seed, ticket, boughtAt: Date.now() };
      await remembered.keepPurchase(isProof ? { ...bought, isProof } : bought);
      return `/p/${purchaseId}${returnFragment(link, seed)}`;
    } catch (error) {
      const isTaken = error instanceof ApiError && error.code === 'claim_known';
      if (!isTaken || attempt + 1 >= TRIES) throw error;
    }
  }
}
