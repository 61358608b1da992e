/**
 * A password never leaves the browser: what is sent is derived from it by Argon2id. Runs for about
 * a second, so only in a worker (worker/kdf.js).
 * @module
 */

import { argon2id } from '../../vendor/noble-hashes@2.4.0/argon2.js';
import { utf8 } from './bytes.js';
import { KdfRefused } from './errors.js';

/** @import { Bytes } from './bytes.js' */

export const MIN_MEMORY_KIB = 64 * 1024;
export const MIN_PASSES = 3;
const MAX_MEMORY_KIB = 1024 * 1024;
const MAX_PASSES = 16;
const MIN_SALT_SIZE = 16;

/**
 * @param {string} password
 * @param {{salt: Bytes, memoryKib: number, passes: number}} settings  as the server asks
 * @returns {Bytes} 32 bytes
 * @throws {KdfRefused} if they are under the floor: a server that asks for less wants to guess
 */
export function deriveLogin(password, { salt, memoryKib, passes }) {
  if (!(memoryKib >= MIN_MEMORY_KIB && passes >= MIN_PASSES && salt.length >= MIN_SALT_SIZE)) {
    throw new KdfRefused('the server asks for too weak a protection of the password');
  }
  if (memoryKib > MAX_MEMORY_KIB || passes > MAX_PASSES) {
    throw new KdfRefused('the server asks for too much work');
  }
  const settings = { t: passes, m: memoryKib, p: 1, dkLen: 32 };
  return /** @type {Bytes} */ (argon2id(utf8(password.normalize('NFKC')), salt, settings));
}
