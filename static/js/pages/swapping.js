/**
 * From what is to come to what is on sale: keys for every link that needs one, the buyer's path once,
 * and the swap. Each step may be repeated; until the last one the old version stays on sale.
 * @module
 */
import { fromBase64url, fromHex, toBase64url, toHex } from '../crypto/bytes.js';
import { placesAfter, shareOf } from '../crypto/editions.js';
import { contentKey, linkSecret, releaseHash } from '../crypto/keys.js';
import { openMeta, sealMeta } from '../crypto/meta.js';
import * as selftest from '../io/selftest.js';
import { wait } from '../net/backoff.js';
import { read } from '../net/bytes.js';
import * as creator from '../net/creator.js';
import * as versions from '../net/versions.js';
import { t } from '../texts/say.js';
import { audit } from './publishing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Share } from '../crypto/editions.js'
 * @import { Header } from '../crypto/header.js'
 * @import { FileView } from '../net/creator.js'
 *
 * @typedef {object} Next
 * @property {Bytes} root        R
 * @property {Header} header     of the content to come
 * @property {string} contentId  hex
 * @property {string} [upload]   missing: the same content under a new link
 * @property {Bytes} metaLink    its description, as it is sealed somewhere
 * @property {number} sealedUnder  the generation of the link that opens it
 * @property {string} [note]
 * @property {boolean} [isForEarlier]
 * @property {(words: string) => void} onStep
 */

/**
 * @param {FileView} file  as it is on sale
 * @param {Next} next
 * @returns {Promise<FileView>} on sale with what was to come
 */
export async function swap(file, next) {
  const { root, header, contentId, upload, onStep } = next;
  const linkFileId = fromHex(file.link_file_id);
  const now = { generation: file.generation, linkGeneration: file.link_generation };
  const isForEarlier = next.isForEarlier === true;
  const places = placesAfter(now, { isNewLink: !upload, isForEarlier });
  onStep(t('Depositing the sealed half of the key'));
  const shares = await Promise.all(
    places.map((place) => shareOf(root, { ...place, linkFileId }, header)),
  );
  const keys = await Promise.all(shares.map((share) => keyOf(share, next, linkFileId)));
  const { note = '' } = next;
  await versions.stage(file.id, {
    ...(upload ? { upload } : {}),
    ...{ note, is_for_earlier: isForEarlier, keys },
  });
  const key = contentKey(root, header.fileId);
  if (upload) await audit(file.id, { core: header.core, contentId }, key, onStep, versions);
  onStep(t('Opening it once as a buyer would'));
  const newest = /** @type {Share} */ (shares.at(-1));
  const metaLink = keys.at(-1)?.meta_link;
  const sold = {
    paidFileId: file.id,
    contentId: fromHex(contentId),
    contentKey: key,
    link: newest.link,
    releaseHash: releaseHash(newest.release),
    metaLink: metaLink ? fromBase64url(metaLink) : null,
  };
  const purchase = await selftest.run(sold, {
    begin: (buyer) => versions.beginSelftest(file.id, buyer),
    release: creator.release,
    ranges: () => versions.ranges(file.id, contentId),
    location: creator.location,
    read,
    wait,
  });
  onStep(t('Putting it in its place'));
  return versions.publish(file.id, purchase);
}

/**
 * @param {Share} share
 * @param {Next} next
 * @param {Bytes} linkFileId
 * @returns {Promise<versions.Key>}
 */
async function keyOf(share, { root, header, metaLink, sealedUnder, upload }, linkFileId) {
  const key = {
    link_generation: share.linkGeneration,
    generation: share.generation,
    wrapped_key: toBase64url(share.wrapped),
    h_s: toHex(releaseHash(share.release)),
    s: toBase64url(share.release),
  };
  // The stored object of an upload carries its description under the link it was sealed for.
  if (upload && share.linkGeneration === sealedUnder) return key;
  const meta = await openMeta(metaLink, linkSecret(root, linkFileId, sealedUnder), header);
  return { ...key, meta_link: toBase64url(await sealMeta(meta, share.link, header)) };
}
