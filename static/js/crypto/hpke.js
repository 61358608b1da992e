/**
 * The release secret, sealed to the buyer: RFC 9180 base mode, DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-256-GCM, empty AAD, stored as enc ‖ ciphertext (113 bytes for S).
 * @module
 */

import { Aes256Gcm } from '../../vendor/hpke-core@1.9.0/aeads/aesGcm.js';
import {
  CipherSuite,
  DhkemP256HkdfSha256,
  HkdfSha256,
} from '../../vendor/hpke-core@1.9.0/native.js';
import { concat, utf8, uuidBytes } from './bytes.js';
import { WrongKey } from './errors.js';

/** @import { Bytes } from './bytes.js' */

const ENC_SIZE = 65;
const SUITE = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/**
 * @typedef {object} BuyerKeys
 * @property {CryptoKeyPair} pair
 * @property {Bytes} publicKey  65 bytes, uncompressed point: sent with the order
 */

/**
 * @typedef {object} ReleaseContext
 * @property {string} paidFileId  UUID
 * @property {string} purchaseId  UUID
 * @property {Bytes} contentId    32 bytes
 */

/**
 * @param {Bytes} seed  keys.buyerKeySeed(seed_n)
 * @returns {Promise<BuyerKeys>} always the same pair for the same seed
 */
export async function deriveKeyPair(seed) {
  const pair = await SUITE.kem.deriveKeyPair(seed);
  const publicKey = new Uint8Array(await SUITE.kem.serializePublicKey(pair.publicKey));
  return { pair, publicKey };
}

/**
 * @param {Bytes} sealed  what the server stored: enc ‖ ciphertext
 * @param {BuyerKeys} keys
 * @param {ReleaseContext} context
 * @returns {Promise<Bytes>} S; to be checked with keys.checkRelease
 * @throws {WrongKey}
 */
export async function openRelease(sealed, keys, context) {
  try {
    const recipient = await SUITE.createRecipientContext({
      recipientKey: keys.pair,
      enc: sealed.slice(0, ENC_SIZE),
      info: releaseInfo(context),
    });
    return new Uint8Array(await recipient.open(sealed.slice(ENC_SIZE)));
  } catch (cause) {
    throw new WrongKey('the release was not sealed for this purchase', { cause });
  }
}

/**
 * @param {ReleaseContext} context
 * @returns {Bytes} binds a release to its order, so that none fits another
 */
export function releaseInfo({ paidFileId, purchaseId, contentId }) {
  return concat(utf8('KIM1 release'), uuidBytes(paidFileId), uuidBytes(purchaseId), contentId);
}
