/**
 * One segment as a proof: its row of the index, its Merkle path and its key. Made here; the key of
 * the whole file and what opens it stay in this browser.
 * @module
 */
import { fromHex, toBase64url, toHex } from '../crypto/bytes.js';
import { inspect } from '../crypto/container.js';
import { KimError } from '../crypto/errors.js';
import { parseLicence } from '../crypto/files.js';
import { ROW_SIZE } from '../crypto/header.js';
import { unlock } from '../crypto/keys.js';
import { pathOf } from '../crypto/paths.js';
import { offer as offerOf } from '../net/buyer.js';
import { read } from '../net/bytes.js';
import { t } from '../texts/say.js';
import { described, keyOfLicence, keyOfPurchase, linkIn, rememberedFor } from './openkeys.js';
import { fetchStored } from './proof.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Found } from '../io/found.js'
 * @import { Proof } from '../net/reports.js'
 */

/**
 * @param {string} fileId
 * @param {{segment: number, licence: File | null, link: string}} means  `link`: a return link, or ''
 *   for the purchase that this browser remembers
 * @returns {Promise<{proof: Proof, segmentCount: number}>}
 * @throws {KimError | import('../net/api.js').ApiError}
 */
export async function prove(fileId, { segment, licence, link }) {
  const found = await look(fileId);
  const { header, rows, contentId } = found;
  const segmentCount = header.segmentCount;
  if (!(segment < segmentCount)) {
    const hint = t('Choose one of the pieces 1 to {count}.', { count: segmentCount });
    throw new KimError('no_piece', hint, t('The file has no such piece.'));
  }
  const contentKey = licence
    ? keyOfLicence(found, parseLicence(await licence.text())).contentKey
    : await keyOf(found, link);
  const proof = {
    content_id: toHex(contentId),
    segment,
    row: toBase64url(rows.slice(ROW_SIZE * segment, ROW_SIZE * (segment + 1))),
    path: toBase64url(await pathOf(header, rows, segment)),
    key: toBase64url(unlock(contentKey, header).dek(segment)),
  };
  return { proof, segmentCount };
}

/**
 * @param {string} fileId
 * @returns {Promise<Found>} what is stored, compared with what is on sale
 */
async function look(fileId) {
  const [offer, { places, first }] = await Promise.all([offerOf(fileId), fetchStored(fileId)]);
  const [head, index] = /** @type {[Bytes, Bytes]} */ (
    await first.catch(() => Promise.all([places.header, places.index].map((each) => read(each))))
  );
  const expected = fromHex(offer.content_id);
  const seen = await inspect({ head, index, totalSize: offer.size_bytes }, { expected });
  return { file: new File([], ''), ...seen };
}

/**
 * @param {Found} found
 * @param {string} typed
 * @returns {Promise<Bytes>} M
 */
async function keyOf(found, typed) {
  const mine = typed ? await linked(found, typed) : await rememberedFor(found);
  const key = mine && (await keyOfPurchase(found, mine.purchase, mine.meta));
  if (key) return key.contentKey;
  throw new KimError(
    'no_key',
    t(
      'Choose the licence you saved, or paste your return link. Without one, send the report as it is.',
    ),
    mine
      ? t('This purchase is not paid, so it opens nothing.')
      : t('This browser knows no purchase of this file.'),
  );
}

/**
 * @param {Found} found
 * @param {string} typed
 */
async function linked(found, typed) {
  const link = linkIn(typed);
  const meta = link?.seed ? await described(found, link.link) : null;
  if (!link?.seed || !meta) {
    const hint = t('It is the link of your purchase, with /p/ in it, copied to its last letter.');
    throw new KimError('no_link', hint, t('This is not a return link of this file.'));
  }
  return { purchase: { purchaseId: link.purchaseId, link: link.link, seed: link.seed }, meta };
}
