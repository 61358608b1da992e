/**
 * The small files people keep: key file, release file, licence. UTF-8 JSON, base64url without
 * padding, unknown members ignored, an unknown `v` refused.
 * @module
 */

import { fromBase64url, fromHex, isEqual, toBase64url, toHex } from './bytes.js';
import { KeyFileMalformed, LicenceMalformed, UnsupportedVersion } from './errors.js';
import { ROOT_SIZE } from './keys.js';
import { fromWords, toWords } from './words.js';

/** @import { Bytes } from './bytes.js' */

const HASH_SIZE = 32;
const SIGNATURE_SIZE = 64;

/**
 * What it takes to recover money that was paid to a forwarder address without our server.
 * @typedef {object} PayoutKit
 * @property {string} seed
 * @property {string} payee
 * @property {number} max_fee_sat
 */

/**
 * @typedef {object} KeyFile
 * @property {'creator' | 'buyer'} role
 * @property {Bytes} root  R or B
 * @property {PayoutKit[]} payouts  [] for a buyer
 */

/**
 * @typedef {object} Licence
 * @property {Bytes} contentId
 * @property {Bytes} contentKey  M
 * @property {string} name
 * @property {string[]} copies   URLs
 * @property {Bytes} receipt     the signed bytes, as the server sent them
 * @property {Bytes} signature   Ed25519, 64 bytes
 */

/**
 * @param {KeyFile} keyFile
 * @returns {string} JSON, indented: people look into it
 */
export function buildKeyFile({ role, root, payouts }) {
  const members = { kim: 'root', v: 1, role, root: toBase64url(root), words: toWords(root) };
  const whole = role === 'creator' ? { ...members, payouts } : members;
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/**
 * @param {string} text
 * @returns {KeyFile}
 * @throws {KeyFileMalformed | UnsupportedVersion}
 */
export function parseKeyFile(text) {
  const members = load(text, 'root', KeyFileMalformed);
  try {
    if (members.role !== 'creator' && members.role !== 'buyer') throw new TypeError('role');
    const root = secret(members.root, ROOT_SIZE);
    if (members.words !== undefined && !isEqual(fromWords(members.words), root)) {
      throw new RangeError('words and root differ');
    }
    return { role: members.role, root, payouts: payoutsOf(members.payouts ?? []) };
  } catch (cause) {
    throw new KeyFileMalformed('the key file is incomplete or was changed', { cause });
  }
}

/**
 * @param {Bytes} contentId
 * @param {Bytes} release  S
 * @returns {string} JSON
 */
export function buildReleaseFile(contentId, release) {
  const members = { kim: 'release', v: 1, content_id: toHex(contentId), s: toBase64url(release) };
  return JSON.stringify(members);
}

/**
 * @param {string} text
 * @returns {{contentId: Bytes, release: Bytes}}
 * @throws {LicenceMalformed | UnsupportedVersion}
 */
export function parseReleaseFile(text) {
  const members = load(text, 'release', LicenceMalformed);
  try {
    return { contentId: hash(members.content_id), release: secret(members.s, ROOT_SIZE) };
  } catch (cause) {
    throw new LicenceMalformed('the release file is incomplete', { cause });
  }
}

/**
 * @param {Licence} licence
 * @returns {string} JSON
 */
export function buildLicence({ contentId, contentKey, name, copies, receipt, signature }) {
  return JSON.stringify({
    kim: 'licence',
    v: 1,
    content_id: toHex(contentId),
    m: toBase64url(contentKey),
    name,
    copies,
    receipt: toBase64url(receipt),
    signature: toBase64url(signature),
  });
}

/**
 * @param {string} text
 * @returns {Licence} its signature is not checked
 * @throws {LicenceMalformed | UnsupportedVersion}
 */
export function parseLicence(text) {
  const members = load(text, 'licence', LicenceMalformed);
  try {
    if (!Array.isArray(members.copies)) throw new TypeError('copies');
    return {
      contentId: hash(members.content_id),
      contentKey: secret(members.m, ROOT_SIZE),
      name: plain(members.name),
      copies: members.copies.map(plain),
      receipt: fromBase64url(plain(members.receipt)),
      signature: secret(members.signature, SIGNATURE_SIZE),
    };
  } catch (cause) {
    throw new LicenceMalformed('the licence is incomplete', { cause });
  }
}

/**
 * @param {string} text
 * @param {string} kind
 * @param {typeof KeyFileMalformed | typeof LicenceMalformed} Malformed
 * @returns {any} the members, of which only `kim` and `v` are checked
 */
function load(text, kind, Malformed) {
  let members;
  try {
    members = JSON.parse(text);
  } catch (cause) {
    throw new Malformed('the file is not JSON', { cause });
  }
  if (members?.kim !== kind) throw new Malformed(`this is not a ${kind} file`);
  if (members.v !== 1) throw new UnsupportedVersion('the file was made by a newer version');
  return members;
}

/**
 * @param {unknown} value
 * @returns {PayoutKit[]}
 */
function payoutsOf(value) {
  if (!Array.isArray(value)) throw new TypeError('payouts');
  return value.map((kit) => {
    if (!Number.isSafeInteger(kit.max_fee_sat)) throw new TypeError('max_fee_sat');
    return { seed: plain(kit.seed), payee: plain(kit.payee), max_fee_sat: kit.max_fee_sat };
  });
}

/** @param {unknown} value */
function plain(value) {
  if (typeof value !== 'string') throw new TypeError('not a text');
  return value;
}

/** @param {unknown} value @param {number} size */
function secret(value, size) {
  const bytes = fromBase64url(plain(value));
  if (bytes.length !== size) throw new RangeError('wrong length');
  return bytes;
}

/** @param {unknown} value */
function hash(value) {
  const text = plain(value);
  if (!/^[0-9a-f]{64}$/.test(text)) throw new RangeError('not a SHA-256');
  return fromHex(text).slice(0, HASH_SIZE);
}
