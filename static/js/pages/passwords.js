/**
 * From a password to what is sent in its place, with the salt the server keeps or a new one.
 * @module
 */
import { fromBase64url, random, toBase64url } from '../crypto/bytes.js';
import { derive } from '../io/passwords.js';
import { loginParameters } from '../net/creator.js';
import { spawn } from '../ui/trusted.js';

/** @import { Bytes } from '../crypto/bytes.js' */

/** For a new password; the floor of docs/protocol.md. */
const MEMORY_KIB = 64 * 1024;
const PASSES = 3;
const SALT_SIZE = 16;
const SCHEME = 2;

/**
 * @param {string} username
 * @param {string} password
 * @returns {Promise<string>} base64url, as the account is now
 */
export async function derivedFor(username, password) {
  return (await workedFor(username, password)).derived;
}

/**
 * @param {string} username
 * @param {string} password
 * @param {number} [scheme]  another one than the account has
 * @returns {Promise<{derived: string, vaultKey: Bytes | null}>} `vaultKey` is null in scheme 1
 */
export async function workedFor(username, password, scheme) {
  const asked = await loginParameters(username);
  const { memory_kib: memoryKib, passes } = asked;
  const salt = fromBase64url(asked.salt);
  const job = { password, salt, memoryKib, passes, scheme: scheme ?? asked.scheme };
  const { proof, vaultKey } = await derive(() => spawn('kdf'), job);
  return { derived: toBase64url(proof), vaultKey };
}

/**
 * The proof and the key of the vault, also for an account that has no vault yet.
 * @param {string} username
 * @param {string} password
 * @returns {Promise<{derived: string, newDerived: string, vaultKey: Bytes}>}
 */
export async function workedForVault(username, password) {
  const now = await workedFor(username, password);
  const next = now.vaultKey ? now : await workedFor(username, password, SCHEME);
  if (!next.vaultKey) throw new Error('scheme 2 has a vault key');
  return { derived: now.derived, newDerived: next.derived, vaultKey: next.vaultKey };
}

/**
 * @param {string} password  a new one
 * @param {number} [scheme]  1 for who has no key to put into a vault
 * @returns {Promise<{salt: string, derived: string, vaultKey: Bytes | null}>}
 */
export async function freshlyDerived(password, scheme = SCHEME) {
  const salt = random(SALT_SIZE);
  const job = { password, salt, memoryKib: MEMORY_KIB, passes: PASSES, scheme };
  const { proof, vaultKey } = await derive(() => spawn('kdf'), job);
  return { salt: toBase64url(salt), derived: toBase64url(proof), vaultKey };
}
