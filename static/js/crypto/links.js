/**
 * Share links and return links. The secrets stand behind the #, which browsers never send.
 * share:  /f/<paid file>#1.<L>        return:  /p/<purchase>#1.<L>.<seed_n>
 * A share link may end in a discount code: /f/<paid file>#1.<L>.<code>
 * @module
 */

import { fromBase64url, toBase64url } from './bytes.js';
import { LinkMalformed, UnsupportedVersion } from './errors.js';
import { LINK_SECRET_SIZE, ROOT_SIZE } from './keys.js';

/** @import { Bytes } from './bytes.js' */

const VERSION = '1';
const CODE = /^[A-Za-z2-7]{16}$/;
/** What the server refuses (unlock/limits.py), and a little more: links that were cut short. */
const WITH_HASH = /(?:#|%23)(?:\s|%20)*1(?:\.|%2e)[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]*)?/gi;
const STANDING_ALONE =
  /(?<![A-Za-z0-9_.-])1\.[A-Za-z0-9_-]{22}(?:\.[A-Za-z0-9_-]*)?(?![A-Za-z0-9_-])/g;
const INVISIBLE = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;

/**
 * @param {string} origin  "https://host"
 * @param {string} paidFileId
 * @param {Bytes} link  L
 */
export function shareLink(origin, paidFileId, link) {
  return `${origin}/f/${paidFileId}#${VERSION}.${toBase64url(link)}`;
}

/**
 * @param {string} share  a share link
 * @param {string} code  16 letters and digits
 */
export function withCode(share, code) {
  return `${share}.${code}`;
}

/**
 * @param {string} fragment  location.hash of a share link that parseShareFragment took
 * @returns {string} its discount code; '' for none
 */
export function codeIn(fragment) {
  const [, , code = '', ...more] = valuesOf(fragment);
  return more.length === 0 && CODE.test(code) ? code : '';
}

/**
 * @param {string} origin
 * @param {string} purchaseId
 * @param {Bytes} link  L
 * @param {Bytes} seed  seed_n
 */
export function returnLink(origin, purchaseId, link, seed) {
  return `${origin}/p/${purchaseId}${returnFragment(link, seed)}`;
}

/**
 * @param {Bytes} link  L
 * @param {Bytes} seed  seed_n
 * @returns {string} with the #
 */
export function returnFragment(link, seed) {
  return `#${VERSION}.${toBase64url(link)}.${toBase64url(seed)}`;
}

/**
 * @param {string} fragment  location.hash, with or without the #
 * @returns {Bytes} L
 * @throws {LinkMalformed | UnsupportedVersion}
 */
export function parseShareFragment(fragment) {
  const code = codeIn(fragment);
  const end = code && fragment.lastIndexOf(`.${code}`);
  const [link] = parts(end ? fragment.slice(0, end) : fragment, [LINK_SECRET_SIZE]);
  return /** @type {Bytes} */ (link);
}

/**
 * @param {string} fragment  location.hash, with or without the #
 * @returns {{link: Bytes, seed: Bytes}} L and seed_n
 * @throws {LinkMalformed | UnsupportedVersion}
 */
export function parseReturnFragment(fragment) {
  const [link, seed] = parts(fragment, [LINK_SECRET_SIZE, ROOT_SIZE]);
  return { link: /** @type {Bytes} */ (link), seed: /** @type {Bytes} */ (seed) };
}

/**
 * @param {string} text  a whole link
 * @returns {{origin: string, paidFileId: string, link: Bytes}}
 * @throws {LinkMalformed | UnsupportedVersion}
 */
export function parseShareLink(text) {
  const { origin, id, fragment } = dissect(text, 'f');
  return { origin, paidFileId: id, link: parseShareFragment(fragment) };
}

/**
 * @param {string} text  a whole link
 * @returns {{origin: string, purchaseId: string, link: Bytes, seed: Bytes}}
 * @throws {LinkMalformed | UnsupportedVersion}
 */
export function parseReturnLink(text) {
  const { origin, id, fragment } = dissect(text, 'p');
  return { origin, purchaseId: id, ...parseReturnFragment(fragment) };
}

/**
 * Text that people type may hold a pasted link; its secret must not leave the browser.
 * @param {string} text
 * @returns {{found: boolean, text: string}} the text without the secrets, links kept up to the #
 */
export function findLinkSecret(text) {
  const cut = withoutSecrets(text);
  // Spread by invisible characters or other letter forms, it shows only in the plain text.
  const plain = cut.normalize('NFKC').replace(INVISIBLE, '');
  const plainCut = withoutSecrets(plain);
  const rest = plainCut === plain ? cut : plainCut;
  return { found: rest !== text, text: rest };
}

/** @param {string} text */
function withoutSecrets(text) {
  return text.replace(WITH_HASH, '').replace(STANDING_ALONE, '');
}

/**
 * @param {string} text
 * @param {'f' | 'p'} kind
 */
function dissect(text, kind) {
  let url;
  try {
    url = new URL(text.trim());
  } catch (cause) {
    throw new LinkMalformed('that is not a link', { cause });
  }
  if (!/^https?:$/.test(url.protocol)) throw new LinkMalformed('that is not a web link');
  const id = new RegExp(`^/${kind}/([A-Za-z0-9_-]{1,64})/?$`).exec(url.pathname)?.[1];
  if (!id) throw new LinkMalformed('that is a link to something else');
  return { origin: url.origin, id, fragment: url.hash };
}

/**
 * Punctuation that chat programs glue to the end of a link is ignored.
 * @param {string} fragment
 */
function valuesOf(fragment) {
  return fragment
    .trim()
    .replace(/^#/, '')
    .replace(/[^A-Za-z0-9_-]+$/, '')
    .split('.');
}

/**
 * @param {string} fragment
 * @param {number[]} sizes
 * @returns {Bytes[]}
 */
function parts(fragment, sizes) {
  const [version, ...values] = valuesOf(fragment);
  if (!version) throw new LinkMalformed('the part behind the # is missing');
  if (/^[0-9]+$/.test(version) && version !== VERSION) {
    throw new UnsupportedVersion(`link version ${version}`);
  }
  if (version !== VERSION || values.length !== sizes.length) {
    throw new LinkMalformed('the part behind the # is incomplete');
  }
  return values.map((value, at) => secretOf(value, sizes[at] ?? 0));
}

/**
 * @param {string} value
 * @param {number} size
 */
function secretOf(value, size) {
  let bytes;
  try {
    bytes = fromBase64url(value);
  } catch (cause) {
    throw new LinkMalformed('the part behind the # is damaged', { cause });
  }
  if (bytes.length !== size) throw new LinkMalformed('the part behind the # is incomplete');
  return bytes;
}
