/**
 * 32 bytes as 24 English words: BIP-39 entropy with its checksum, never its seed.
 * @module
 */

import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { wordlist } from '../../vendor/scure-bip39@2.4.0/wordlists/english.js';
import { concat } from './bytes.js';
import { WordsMalformed } from './errors.js';

/** @import { Bytes } from './bytes.js' */

const WORD_COUNT = 24;
const BITS_PER_WORD = 11;
const ENTROPY_SIZE = 32;

/**
 * @param {Bytes} root  32 bytes
 * @returns {string} 24 words with single spaces
 */
export function toWords(root) {
  if (root.length !== ENTROPY_SIZE) throw new RangeError('a root has 32 bytes');
  const bits = [...concat(root, sha256(root).subarray(0, 1))]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  return Array.from({ length: WORD_COUNT }, (_, position) => {
    const at = position * BITS_PER_WORD;
    return wordlist[Number.parseInt(bits.slice(at, at + BITS_PER_WORD), 2)];
  }).join(' ');
}

/**
 * @param {string} text  as typed: case, commas, numbering and extra spaces do not matter
 * @returns {Bytes} 32 bytes
 * @throws {WordsMalformed} naming the position of an unknown word
 */
export function fromWords(text) {
  const words = text
    .normalize('NFKD')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean);
  let bits = '';
  words.forEach((word, at) => {
    const index = wordlist.indexOf(word);
    if (index < 0) {
      const detail = { reason: /** @type {const} */ ('unknown'), position: at + 1 };
      throw new WordsMalformed(`word ${at + 1} is not in the list`, detail);
    }
    bits += index.toString(2).padStart(BITS_PER_WORD, '0');
  });
  if (words.length !== WORD_COUNT) {
    throw new WordsMalformed(`${words.length} words instead of 24`, { reason: 'count' });
  }
  const bytes = Uint8Array.from({ length: ENTROPY_SIZE + 1 }, (_, at) =>
    Number.parseInt(bits.slice(8 * at, 8 * at + 8), 2),
  );
  const root = bytes.slice(0, ENTROPY_SIZE);
  if (sha256(root)[0] !== bytes[ENTROPY_SIZE]) {
    throw new WordsMalformed('the words do not fit together', { reason: 'checksum' });
  }
  return root;
}
