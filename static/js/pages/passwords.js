/**
 * From a password to what is sent in its place, with the salt the server keeps or a new one.
 * @module
 */
import { fromBase64url, random, toBase64url } from '../crypto/bytes.js';
import { derive } from '../io/passwords.js';
import { loginParameters } from '../net/creator.js';
import { spawn } from '../ui/trusted.js';

/** For a new password; the floor of docs/protocol.md. */
const MEMORY_KIB = 64 * 1024;
const PASSES = 3;
const SALT_SIZE = 16;

/**
 * @param {string} username
 * @param {string} password
 * @returns {Promise<string>} base64url
 */
export async function derivedFor(username, password) {
  const { salt, memory_kib: memoryKib, passes } = await loginParameters(username);
  const work = { password, salt: fromBase64url(salt), memoryKib, passes };
  return toBase64url(await derive(() => spawn('kdf'), work));
}

/**
 * @param {string} password  a new one
 * @returns {Promise<{salt: string, derived: string}>} base64url
 */
export async function freshlyDerived(password) {
  const salt = random(SALT_SIZE);
  const work = { password, salt, memoryKib: MEMORY_KIB, passes: PASSES };
  const derived = await derive(() => spawn('kdf'), work);
  return { salt: toBase64url(salt), derived: toBase64url(derived) };
}
