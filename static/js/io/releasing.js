/**
 * From a release to the content key. Apart from unlocking.js, because what it needs is a third of a
 * page's scripts, and nobody needs it before paying.
 * @module
 */
import { fromBase64url, fromHex } from '../crypto/bytes.js';
import { Forged } from '../crypto/errors.js';
import { deriveKeyPair, openRelease } from '../crypto/hpke.js';
import { buyerKeySeed, checkRelease, unwrap } from '../crypto/keys.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Promised, Proven } from './unlocking.js' */

/**
 * @param {object} facts
 * @param {string} facts.purchaseId
 * @param {Promised} facts.offer
 * @param {{sealed: string, h_s: string, wrapped_key: string, content_id: string}} facts.release
 * @param {Bytes} facts.link  L
 * @param {Bytes} facts.seed  seed_n
 * @param {Proven} facts.proven
 * @returns {Promise<Bytes>} M, proven against the header
 * @throws {import('../crypto/errors.js').KimError} WrongKey, Forged
 */
export async function openContentKey({ purchaseId, offer, release, link, seed, proven }) {
  if (release.content_id !== offer.content_id || release.h_s !== offer.h_s) {
    throw new Forged('the key was released for something else than what was offered');
  }
  const keys = await deriveKeyPair(buyerKeySeed(seed));
  const secret = await openRelease(fromBase64url(release.sealed), keys, {
    paidFileId: offer.id,
    purchaseId,
    contentId: proven.contentId,
  });
  checkRelease(secret, fromHex(release.h_s));
  const wraps = [release.wrapped_key, offer.wrapped_key].map(fromBase64url);
  return unwrap([...wraps, ...proven.records.wraps], {
    release: secret,
    link,
    header: proven.header,
  });
}
