/**
 * The site lost the key that deposits were sealed to: what it needs of each file is made again from R.
 * @module
 */
import { fromHex, isEqual, toBase64url } from '../crypto/bytes.js';
import { releaseHash, releaseSecret } from '../crypto/keys.js';
import * as net from '../net/deposits.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 */

/**
 * @param {Bytes} root
 * @param {net.Wanted[]} wanted
 * @returns {net.Given[]} of those whose secret comes from this root
 */
export function answersTo(root, wanted) {
  return wanted.flatMap(({ file, generation, file_id, h_s }) => {
    const s = releaseSecret(root, fromHex(file_id), generation);
    return isEqual(releaseHash(s), fromHex(h_s)) ? [{ file, generation, s: toBase64url(s) }] : [];
  });
}

/**
 * Deposits the keys of all files again. Repeating it does no harm.
 * @param {Bytes} root
 * @returns {Promise<number>} how many are still missing: they come from another root
 */
export async function depositMissing(root) {
  let { deposits, left } = await net.missing();
  for (let before = Infinity; left < before;) {
    const given = answersTo(root, deposits);
    before = left;
    if (given.length > 0) ({ deposits, left } = await net.give(given));
  }
  return left;
}
