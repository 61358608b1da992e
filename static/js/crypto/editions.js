/**
 * A file has one link through all of its versions (docs/protocol.md, "Versions"): L and S follow from
 * the file id of its first content, M from that of the version's own. A leaked link is replaced by
 * the next L; every version under every link has an S of its own.
 * @module
 */
import { contentKey, linkSecret, releaseSecret, wrap } from './keys.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 *
 * @typedef {object} Place
 * @property {Bytes} linkFileId      of the first content
 * @property {number} linkGeneration of L
 * @property {number} generation     of S, of no two versions or links the same
 *
 * @typedef {Place & {release: Bytes, link: Bytes, wrapped: Bytes}} Share  S, L and W of one place
 */

/**
 * @param {Bytes} root  R
 * @param {Place} place
 * @param {Header} header  of the version's container
 * @returns {Promise<Share>}
 */
export async function shareOf(root, place, header) {
  const key = contentKey(root, header.fileId);
  const release = releaseSecret(root, place.linkFileId, place.generation);
  const link = linkSecret(root, place.linkFileId, place.linkGeneration);
  return { ...place, release, link, wrapped: await wrap(key, { release, link, header }) };
}

/**
 * What is needed for the next version or link: the newest link comes last, with the highest number.
 * @param {{generation: number, linkGeneration: number}} now  of what is on sale
 * @param {{isNewLink: boolean, isForEarlier: boolean}} wanted
 * @returns {{generation: number, linkGeneration: number}[]}
 */
export function placesAfter({ generation, linkGeneration }, { isNewLink, isForEarlier }) {
  const newest = isNewLink ? linkGeneration + 1 : linkGeneration;
  const first = !isNewLink && isForEarlier ? 0 : newest;
  const places = [];
  for (let at = first; at <= newest; at += 1) {
    places.push({ generation: generation + 1 + at - first, linkGeneration: at });
  }
  return places;
}
