/**
 * From a link to a proven offer. Pure of network and page: bytes come in, and nothing is believed that
 * was not checked.
 * @module
 */
import { fromBase64url, fromHex, isEqual } from '../crypto/bytes.js';
import { inspect } from '../crypto/container.js';
import { Damaged } from '../crypto/errors.js';
import { openMeta } from '../crypto/meta.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Inspected } from '../crypto/container.js' */
/** @import { Meta } from '../crypto/meta.js' */

/**
 * @typedef {Inspected & {meta: Meta}} Proven  what is sold, shown to belong to the link
 *
 * @typedef {object} Promised  what the server said before payment; hex and base64url as it sent them
 * @property {string} id
 * @property {string} content_id
 * @property {string} h_s
 * @property {string} wrapped_key
 * @property {string} core_header
 * @property {string} [meta_link]  where the object's own description is under an older link
 * @property {number} size_bytes
 * @property {number} payload_bytes
 */

/**
 * @param {{head: Bytes, index: Bytes}} stored
 * @param {Promised} offer
 * @param {Bytes} link  L
 * @returns {Promise<Proven>}
 * @throws {import('../crypto/errors.js').KimError} WrongKey where only the link is wrong
 */
export async function prove({ head, index }, offer, link) {
  const expected = fromHex(offer.content_id);
  const seen = await inspect({ head, index, totalSize: offer.size_bytes }, { expected });
  if (!isEqual(seen.header.core, fromBase64url(offer.core_header))) {
    throw new Damaged('the stored header is not the one that was promised');
  }
  if (seen.header.payloadSize !== offer.payload_bytes) {
    throw new Damaged('the size is not the one that was promised');
  }
  const metaLink = offer.meta_link ? fromBase64url(offer.meta_link) : seen.records.metaLink;
  if (!metaLink) throw new Damaged('the description is missing');
  const meta = await openMeta(metaLink, link, seen.header);
  return { ...seen, meta };
}

const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
/** Controls, what file systems refuse, and marks that reorder letters so that ".exe" looks harmless. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}<>:"/\\|?*]/gu;
const NAME_BYTES = 200;

/**
 * A name that every file system takes, and that looks like what it is.
 * @param {string} name  as somebody else wrote it
 * @returns {string}
 */
export function safeName(name) {
  let safe = name
    .normalize('NFC')
    .replace(UNSAFE, '_')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  if (RESERVED.test(safe)) safe = `_${safe}`;
  const ending = /\.[^.]{1,15}$/.exec(safe)?.[0] ?? '';
  let stem = Array.from(safe.slice(0, safe.length - ending.length));
  while (new TextEncoder().encode(stem.join('') + ending).length > NAME_BYTES) {
    stem = stem.slice(0, -1);
  }
  return stem.join('') + ending || 'file';
}
