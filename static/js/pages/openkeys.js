/**
 * What opens a sealed file that somebody has: a licence, or a purchase that this browser or a return
 * link remembers. And what a link alone can show of it.
 * @module
 */
import { isEqual, toBase64url, toHex } from '../crypto/bytes.js';
import { KimError, WrongKey } from '../crypto/errors.js';
import { claimSecret, unlock } from '../crypto/keys.js';
import { parseReturnLink, parseShareLink, returnFragment } from '../crypto/links.js';
import { openMeta } from '../crypto/meta.js';
import * as remembered from '../io/buyer.js';
import { openContentKey } from '../io/releasing.js';
import { wait } from '../net/backoff.js';
import * as buyer from '../net/buyer.js';
import { t } from '../texts/say.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Licence } from '../crypto/files.js'
 * @import { Meta } from '../crypto/meta.js'
 * @import { Found } from '../io/found.js'
 *
 * @typedef {object} Key
 * @property {Bytes} contentKey  M
 * @property {string} name
 * @property {string} type       '' where nobody says
 * @property {string} purchaseId  under which a half-saved file is remembered
 * @property {boolean} isStreamOnly
 *
 * @typedef {object} Link  a share link, or (with a seed) a return link
 * @property {string} origin
 * @property {string} paidFileId  '' in a return link
 * @property {string} purchaseId  '' in a share link
 * @property {Bytes} link         L
 * @property {Bytes | null} seed
 *
 * @typedef {{purchaseId: string, link: Bytes, seed: Bytes}} Purchased
 */

const PENDING_MS = 500;
const PENDING_TRIES = 40;

/**
 * @param {Found} found
 * @param {Licence} licence
 * @returns {Key}
 * @throws {KimError} `wrong_file`, WrongKey
 */
export function keyOfLicence(found, licence) {
  if (!isEqual(found.contentId, licence.contentId)) {
    throw new KimError(
      'wrong_file',
      t(
        'Choose the sealed file that was bought with it, or the licence that belongs to this file.',
      ),
      t('This licence belongs to another file.'),
    );
  }
  unlock(licence.contentKey, found.header);
  const { contentKey, name } = licence;
  const purchaseId = `licence ${toHex(licence.contentId)}`;
  return { contentKey, name, type: '', purchaseId, isStreamOnly: false };
}

/**
 * @param {string} text  somebody pasted it
 * @returns {Link | null} null if it is no link at all
 * @throws {KimError} LinkMalformed, UnsupportedVersion
 */
export function linkIn(text) {
  if (!/^\s*https?:/i.test(text)) return null;
  if (!/\/p\//.test(text)) {
    return { ...parseShareLink(text), purchaseId: '', seed: null };
  }
  return { ...parseReturnLink(text), paidFileId: '' };
}

/**
 * @param {Found} found
 * @param {Bytes} link  L
 * @returns {Promise<Meta | null>} what it is called; null if the link is not this file's
 */
export async function described({ header, records }, link) {
  if (!records.metaLink) return null;
  try {
    return await openMeta(records.metaLink, link, header);
  } catch (error) {
    if (error instanceof WrongKey) return null;
    throw error;
  }
}

/**
 * The newest purchase made in this browser whose link opens this file's description: found here,
 * without asking anybody.
 * @param {Found} found
 * @returns {Promise<{purchase: Purchased, meta: Meta} | null>}
 */
export async function rememberedFor(found) {
  for (const purchase of await remembered.everyPurchase()) {
    const meta = await described(found, purchase.link);
    if (meta) return { purchase, meta };
  }
  return null;
}

/**
 * @param {Found} found
 * @param {Purchased} purchased
 * @param {Meta} meta
 * @returns {Promise<Key | null>} null while it is not paid
 * @throws {KimError | import('../net/api.js').ApiError}
 */
export async function keyOfPurchase(found, { purchaseId, link, seed }, meta) {
  const claim = toBase64url(claimSecret(seed));
  const { file, newer, release: state } = await buyer.purchase(purchaseId, claim);
  const offer = [file, newer?.file].find((each) => each?.content_id === toHex(found.contentId));
  if (!offer) {
    throw new KimError(
      'wrong_file',
      t('Choose the sealed file that you saved from that purchase.'),
      t('This purchase is of another file.'),
    );
  }
  if (state === 'none') return null;
  const release = await released(purchaseId, claim, offer.content_id);
  const proven = { ...found, meta };
  const contentKey = await openContentKey({ purchaseId, offer, release, link, seed, proven });
  const { name, type } = meta;
  return { contentKey, name, type, purchaseId, isStreamOnly: offer.stream_only };
}

/** @param {Purchased} purchased */
export function purchasePath({ purchaseId, link, seed }) {
  return `/p/${purchaseId}${returnFragment(link, seed)}`;
}

/**
 * @param {string} purchaseId
 * @param {string} claim
 * @param {string} contentId
 */
async function released(purchaseId, claim, contentId) {
  for (let round = 0; round < PENDING_TRIES; round += 1) {
    const answer = await buyer.release(purchaseId, claim, contentId);
    if (answer.release !== 'pending') return answer;
    await wait(PENDING_MS);
  }
  throw new KimError(
    'release_pending',
    t('Your purchase is safe. Try again in a minute.'),
    t('The key is still being prepared.'),
  );
}
