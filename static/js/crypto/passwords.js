/**
 * A password never leaves the browser: what is sent is derived from it by Argon2id. Runs for about
 * a second, so only in a worker (worker/kdf.js). docs/protocol.md, 3.6.
 *
 * Scheme 1, of accounts without a vault: the proof is Argon2id's output. Scheme 2: proof and vault
 * key both follow from an output that is never sent. The two outputs are independent (associated
 * data), so a server that asks for the other scheme learns nothing about the vault key.
 * @module
 */

import { hkdf } from '../../vendor/noble-hashes@2.4.0/hkdf.js';
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { argon2id } from '../../vendor/noble-hashes@2.4.0/argon2.js';
import { utf8 } from './bytes.js';
import { KdfRefused } from './errors.js';

/**
 * @import { Bytes } from './bytes.js'
 *
 * @typedef {object} Worked
 * @property {Bytes} proof  32 bytes, sent in place of the password
 * @property {Bytes | null} vaultKey  32 bytes, never sent; null in scheme 1
 */

export const MIN_MEMORY_KIB = 64 * 1024;
export const MIN_PASSES = 3;
const MAX_MEMORY_KIB = 1024 * 1024;
const MAX_PASSES = 16;
const MIN_SALT_SIZE = 16;
const ACCOUNT = utf8('KIM1 account');

/**
 * @param {string} password
 * @param {{salt: Bytes, memoryKib: number, passes: number, scheme: number}} settings  as the server
 *   asks
 * @returns {Worked}
 * @throws {KdfRefused} if they are under the floor: a server that asks for less wants to guess
 */
export function work(password, { salt, memoryKib, passes, scheme }) {
  if (!(memoryKib >= MIN_MEMORY_KIB && passes >= MIN_PASSES && salt.length >= MIN_SALT_SIZE)) {
    throw new KdfRefused('the server asks for too weak a protection of the password');
  }
  if (memoryKib > MAX_MEMORY_KIB || passes > MAX_PASSES) {
    throw new KdfRefused('the server asks for too much work');
  }
  if (scheme !== 1 && scheme !== 2) throw new KdfRefused('the server asks for a scheme unknown');
  const letters = utf8(password.normalize('NFKC'));
  const settings = { t: passes, m: memoryKib, p: 1, dkLen: 32 };
  if (scheme === 1) {
    return { proof: /** @type {Bytes} */ (argon2id(letters, salt, settings)), vaultKey: null };
  }
  const stretched = argon2id(letters, salt, { ...settings, personalization: ACCOUNT });
  return { proof: derive(stretched, 'KIM1 login'), vaultKey: derive(stretched, 'KIM1 vault') };
}

/**
 * @param {Uint8Array} stretched
 * @param {string} label
 * @returns {Bytes} 32 bytes
 */
function derive(stretched, label) {
  return /** @type {Bytes} */ (hkdf(sha256, stretched, new Uint8Array(0), utf8(label), 32));
}
