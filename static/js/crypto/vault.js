/**
 * The vault: R sealed under a key of the password, and what proves R without telling it
 * (docs/protocol.md, 3.6). The name is bound to it, as the person typed it: a server that hands out
 * another creator's vault is noticed.
 * @module
 */

import { hkdf } from '../../vendor/noble-hashes@2.4.0/hkdf.js';
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, toBase64url, toHex, utf8 } from './bytes.js';
import { openSmall, ROOT_SIZE, sealSmall } from './keys.js';

/** @import { Bytes } from './bytes.js' */

/**
 * @param {Bytes} vaultKey
 * @param {string} username
 * @param {Bytes} root  R
 * @returns {Promise<Bytes>} 60 bytes
 */
export function sealRoot(vaultKey, username, root) {
  return sealSmall(vaultKey, bound(username), root);
}

/**
 * @param {Bytes} vaultKey
 * @param {string} username
 * @param {Bytes} sealed
 * @returns {Promise<Bytes | null>} R; null if it does not open
 */
export async function openRoot(vaultKey, username, sealed) {
  const root = await openSmall(vaultKey, bound(username), sealed);
  return root?.length === ROOT_SIZE ? root : null;
}

/**
 * @param {Bytes} root  R
 * @returns {Bytes} 32 bytes; sent only to recover an account
 */
export function recoverySecret(root) {
  return /** @type {Bytes} */ (hkdf(sha256, root, new Uint8Array(0), utf8('KIM1 recovery'), 32));
}

/**
 * @param {Bytes} root  R
 * @returns {string} hex; the server keeps it, and a vault is known by it
 */
export function recoveryHash(root) {
  return toHex(sha256(recoverySecret(root)));
}

/**
 * @param {Bytes} vaultKey
 * @param {string} username
 * @param {Bytes} root  R
 * @returns {Promise<{sealed_root: string, recovery_hash: string}>} as it is sent
 */
export async function vaultOf(vaultKey, username, root) {
  const sealed = await sealRoot(vaultKey, username, root);
  return { sealed_root: toBase64url(sealed), recovery_hash: recoveryHash(root) };
}

/** @param {string} username */
function bound(username) {
  return concat(utf8('KIM1 vault'), utf8(username.trim().toLowerCase()));
}
