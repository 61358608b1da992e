/**
 * The licence of a purchase: the key to one file and the signed receipt, which open it without us.
 * @module
 */
import { fromBase64url, fromHex } from '../crypto/bytes.js';
import { buildLicence } from '../crypto/files.js';
import { openContentKey } from '../io/releasing.js';
import { safeName } from '../io/unlocking.js';
import { wait } from '../net/backoff.js';
import * as buyer from '../net/buyer.js';
import { downloadText } from '../ui/download.js';
import { proveOffer } from './proof.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Offer } from '../net/buyer.js' */
/** @import { Proof } from './unlocking.js' */

const PENDING_MS = 250;
const PENDING_MOST_MS = 4_000;

/**
 * @param {Proof} proof
 * @param {Offer} offer
 * @param {{name: string, key: Bytes, lasting?: string[]}} what  `key` is M; `lasting` are addresses
 *   of the creator's own hosts: those of stores are signed, and good for an hour only
 */
export async function saveLicence({ purchaseId, claim }, offer, { name, key, lasting = [] }) {
  const { receipt, signature } = await buyer.receipt(purchaseId, claim, offer.content_id);
  const text = buildLicence({
    contentId: fromHex(offer.content_id),
    contentKey: key,
    name,
    // The page without the secret behind the #: a licence may be shown around.
    copies: [`${location.origin}/f/${offer.id}`, ...lasting],
    receipt: fromBase64url(receipt),
    signature: fromBase64url(signature),
  });
  downloadText(`${safeName(name)}.kim-licence.json`, text);
}

/**
 * The same from nothing but the purchase: everything is fetched and checked first.
 * @param {Proof} proof
 */
export async function fetchLicence(proof) {
  const { purchaseId, claim, link, seed } = proof;
  const { file: offer } = await buyer.purchase(purchaseId, claim);
  const [release, proven] = await Promise.all([
    released(proof, offer.content_id),
    proveOffer(offer, link),
  ]);
  const key = await openContentKey({ purchaseId, offer, release, link, seed, proven });
  const { urls } = await buyer
    .location(purchaseId, claim, offer.content_id)
    .catch(() => ({ urls: [] }));
  const lasting = urls.filter(({ is_lasting: isLasting }) => isLasting).map(({ url }) => url);
  await saveLicence(proof, offer, { name: proven.meta.name, key, lasting });
}

/**
 * @param {{purchaseId: string, claim: string}} proof
 * @param {string} contentId  of the version that is to be opened
 * @returns {Promise<import('../net/buyer.js').Release>} once the worker has sealed it
 */
export async function released({ purchaseId, claim }, contentId) {
  for (let round = 1; ; round += 1) {
    const answer = await buyer.release(purchaseId, claim, contentId);
    if (answer.release !== 'pending') return answer;
    await wait(Math.min(PENDING_MOST_MS, PENDING_MS * round));
  }
}
