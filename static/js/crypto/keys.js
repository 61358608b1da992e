/**
 * Every key and how it follows from another (docs/protocol.md, "Keys"). R: creator root, M: content
 * key, S: release secret, L: link secret, W: wrapped content key, B: buyer root. Salts are file ids.
 * @module
 */

import { hkdf } from '../../vendor/noble-hashes@2.4.0/hkdf.js';
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, isEqual, random, u32, utf8 } from './bytes.js';
import { Forged, WrongKey } from './errors.js';
import { Floe } from './floe.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 */

export const ROOT_SIZE = 32;
export const LINK_SECRET_SIZE = 16;
export const WRAP_SIZE = 60;
const IV_SIZE = 12;
const NO_SALT = new Uint8Array(0);

/** @returns {Bytes} a new R or B */
export function newRoot() {
  return random(ROOT_SIZE);
}

/**
 * @param {Bytes} root  R
 * @param {Bytes} fileId
 * @returns {Bytes} M, 32 bytes
 */
export function contentKey(root, fileId) {
  return derive(root, fileId, utf8('KIM1 M'));
}

/**
 * @param {Bytes} root  R
 * @param {Bytes} fileId
 * @param {number} generation  0 first; the next one after a link has leaked
 * @returns {Bytes} S, 32 bytes
 */
export function releaseSecret(root, fileId, generation) {
  return derive(root, fileId, concat(utf8('KIM1 S'), u32(generation)));
}

/**
 * @param {Bytes} root  R
 * @param {Bytes} fileId
 * @param {number} generation
 * @returns {Bytes} L, 16 bytes
 */
export function linkSecret(root, fileId, generation) {
  const label = concat(utf8('KIM1 L'), u32(generation));
  return derive(root, fileId, label).slice(0, LINK_SECRET_SIZE);
}

/**
 * @param {Bytes} key  M
 * @param {{fileId: Bytes, floeIv: Bytes, bound: Bytes, segmentSize: number}} header
 * @returns {Floe} not yet compared with a header tag
 */
export function floeOf(key, { fileId, floeIv, bound, segmentSize }) {
  const floeKey = derive(key, fileId, utf8('KIM1 content'));
  return new Floe(floeKey, { iv: floeIv, aad: concat(utf8('KIM1'), bound), segmentSize });
}

/**
 * @param {Bytes} key  M
 * @param {Header} header
 * @returns {Floe}
 * @throws {WrongKey} if the key does not lead to the header tag
 */
export function unlock(key, header) {
  const floe = floeOf(key, header);
  floe.checkTag(header.headerTag);
  return floe;
}

/**
 * @param {Bytes} release  S
 * @param {Bytes} link  L
 * @param {Header} header
 * @returns {Bytes} KEK
 */
export function wrappingKey(release, link, header) {
  return derive(concat(release, link), header.fileId, concat(utf8('KIM1 kek'), header.headerTag));
}

/**
 * @param {Bytes} link  L
 * @param {Bytes} fileId
 * @returns {Bytes} the key of META_LINK
 */
export function metaKey(link, fileId) {
  return derive(link, fileId, utf8('KIM1 meta-link'));
}

/**
 * @param {Bytes} key  M
 * @param {{release: Bytes, link: Bytes, header: Header}} under  S and L
 * @returns {Promise<Bytes>} W, 60 bytes
 */
export async function wrap(key, { release, link, header }) {
  const aad = concat(utf8('KIM1 wrap'), header.core);
  return sealSmall(wrappingKey(release, link, header), aad, key);
}

/**
 * Tries each copy in turn: the offer's W comes first, then those in the header.
 * @param {ReadonlyArray<Bytes>} wraps
 * @param {{release: Bytes, link: Bytes, header: Header}} under  S and L
 * @returns {Promise<Bytes>} M, proven against the header tag
 * @throws {WrongKey} if none opens
 */
export async function unwrap(wraps, { release, link, header }) {
  const kek = wrappingKey(release, link, header);
  const aad = concat(utf8('KIM1 wrap'), header.core);
  for (const wrapped of wraps) {
    if (wrapped.length !== WRAP_SIZE) continue;
    const key = await openSmall(kek, aad, wrapped);
    if (key && isEqual(floeOf(key, header).headerTag, header.headerTag)) return key;
  }
  throw new WrongKey('link and release do not open this file');
}

/**
 * @param {Bytes} release  S
 * @returns {Bytes} h_S, fixed before payment
 */
export function releaseHash(release) {
  return /** @type {Bytes} */ (sha256(release));
}

/**
 * @param {Bytes} release  S, as the server handed it out
 * @param {Bytes} expected  h_S, from before payment
 * @throws {Forged}
 */
export function checkRelease(release, expected) {
  if (!isEqual(releaseHash(release), expected)) {
    throw new Forged('the released secret is not the one promised before payment');
  }
}

/**
 * @param {Bytes} root  B
 * @param {number} n  counts this buyer's purchases
 * @returns {Bytes} seed_n, all that one purchase needs
 */
export function purchaseSeed(root, n) {
  return derive(root, NO_SALT, concat(utf8('KIM1 buy'), u32(n)));
}

/**
 * @param {Bytes} seed  seed_n
 * @returns {Bytes} proves the purchase; goes as base64url after "Authorization: Claim "
 */
export function claimSecret(seed) {
  return derive(seed, NO_SALT, utf8('KIM1 claim'));
}

/**
 * @param {Bytes} claim
 * @returns {Bytes} what the server keeps
 */
export function claimHash(claim) {
  return /** @type {Bytes} */ (sha256(claim));
}

/**
 * @param {Bytes} seed  seed_n
 * @returns {Bytes} input of hpke.deriveKeyPair
 */
export function buyerKeySeed(seed) {
  return derive(seed, NO_SALT, utf8('KIM1 key'));
}

/**
 * AES-256-GCM under a fresh random IV.
 * @param {Bytes} key
 * @param {Bytes} aad
 * @param {Bytes} plain
 * @returns {Promise<Bytes>} iv12, then ciphertext and tag
 */
export async function sealSmall(key, aad, plain) {
  const iv = random(IV_SIZE);
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  const algorithm = { name: 'AES-GCM', iv, additionalData: aad };
  return concat(iv, new Uint8Array(await crypto.subtle.encrypt(algorithm, imported, plain)));
}

/**
 * @param {Bytes} key
 * @param {Bytes} aad
 * @param {Bytes} sealed
 * @returns {Promise<Bytes | null>} null if it does not open
 */
export async function openSmall(key, aad, sealed) {
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
  const iv = sealed.subarray(0, IV_SIZE);
  const algorithm = { name: 'AES-GCM', iv, additionalData: aad };
  try {
    const body = sealed.subarray(IV_SIZE);
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, imported, body));
  } catch {
    return null;
  }
}

/**
 * @param {Bytes} secret
 * @param {Bytes} salt
 * @param {Bytes} info
 * @returns {Bytes} 32 bytes
 */
function derive(secret, salt, info) {
  return /** @type {Bytes} */ (hkdf(sha256, secret, salt, info, 32));
}
