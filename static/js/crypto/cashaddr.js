/**
 * CashAddr: locking scripts as addresses, and back, strictly. Source: spec/cashaddr.md of
 * bitcoincash.org; types 2 and 3 are the token-aware forms of 0 and 1 (CHIP-2022-02-CashTokens).
 * @module
 */
import { concat, fromHex, toHex } from './bytes.js';

/** @import { Bytes } from './bytes.js' */

const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x98f2bc8e61n, 0x79b76d99e2n, 0xf33e5fb3c4n, 0xae2eabe2a8n, 0x1e4f43e470n];
const CHECKSUM_LETTERS = 8;
const P2PKH = 0;
const P2SH = 1;
/** @type {Record<string, string>} */
const PREFIXES = { mainnet: 'bitcoincash', chipnet: 'bchtest', regtest: 'bchreg' };

/** @param {string} network */
export function prefixOf(network) {
  return PREFIXES[network] ?? network;
}

/**
 * @param {Uint8Array} script  P2PKH, P2SH20 or P2SH32
 * @param {string} network  "mainnet", "chipnet", "regtest"
 * @returns {string} with its prefix
 * @throws {RangeError} for any other script
 */
export function encodeAddress(script, network) {
  const { type, hash } = kindOf(script);
  const version = (type << 3) | (hash.length === 32 ? 3 : 0);
  const prefix = prefixOf(network);
  const values = regroup([version, ...hash], 8, 5);
  const sum = checksum(prefix, [...values, ...Array(CHECKSUM_LETTERS).fill(0)]);
  const tail = Array.from({ length: CHECKSUM_LETTERS }, (_, at) =>
    Number((sum >> BigInt(5 * (CHECKSUM_LETTERS - 1 - at))) & 31n),
  );
  return `${prefix}:${[...values, ...tail].map((value) => LETTERS[value]).join('')}`;
}

/**
 * @param {string} text  with or without its prefix
 * @param {string} network
 * @returns {Bytes} the locking script
 * @throws {RangeError} unless every bit is as the specification has it
 */
export function decodeAddress(text, network) {
  const isOneCase = text === text.toLowerCase() || text === text.toUpperCase();
  if (!isOneCase) throw new RangeError('mixed case');
  const [first = '', second] = text.toLowerCase().split(':');
  const prefix = prefixOf(network);
  if (second !== undefined && first !== prefix) throw new RangeError('another network');
  const values = Array.from(second ?? first, (letter) => LETTERS.indexOf(letter));
  const isSpelt = values.length > CHECKSUM_LETTERS && !values.includes(-1);
  if (!isSpelt) throw new RangeError('not an address');
  if (checksum(prefix, values) !== 0n) throw new RangeError('a typing error');
  const [version = 0, ...hash] = regroup(values.slice(0, -CHECKSUM_LETTERS), 5, 8);
  const script = lock((version >> 3) & 1, Uint8Array.from(hash));
  const isKnown = version < 32 && (version & 7) === (hash.length === 32 ? 3 : 0);
  if (!isKnown || regroup([version, ...hash], 8, 5).length + CHECKSUM_LETTERS !== values.length) {
    throw new RangeError('not an address of this kind');
  }
  return script;
}

/**
 * @param {string} prefix
 * @param {number[]} values  of five bits
 * @returns {bigint} 0 for a whole address
 */
function checksum(prefix, values) {
  const letters = Array.from(prefix, (letter) => letter.charCodeAt(0) & 31);
  let sum = 1n;
  for (const value of [...letters, 0, ...values]) {
    const top = sum >> 35n;
    sum = ((sum & 0x07ffffffffn) << 5n) ^ BigInt(value);
    GENERATOR.forEach((part, bit) => {
      if ((top >> BigInt(bit)) & 1n) sum ^= part;
    });
  }
  return sum ^ 1n;
}

/**
 * @param {number[]} values
 * @param {number} from  bits in each
 * @param {number} to  bits in each of the result; the last is filled up with zeros, or must be zero
 * @returns {number[]}
 */
function regroup(values, from, to) {
  const made = [];
  let [held, bits] = [0, 0];
  for (const value of values) {
    held = (held << from) | value;
    bits += from;
    while (bits >= to) {
      bits -= to;
      made.push((held >> bits) & ((1 << to) - 1));
      held &= (1 << bits) - 1;
    }
  }
  if (to < from && bits > 0) made.push(held << (to - bits));
  else if (held !== 0 || bits >= from) throw new RangeError('bits left over');
  return made;
}

/** @param {Uint8Array} script */
function kindOf(script) {
  const text = toHex(script);
  const key = /^76a914([0-9a-f]{40})88ac$/.exec(text)?.[1];
  if (key) return { type: P2PKH, hash: fromHex(key) };
  const hash = /^(?:a914([0-9a-f]{40})|aa20([0-9a-f]{64}))87$/.exec(text);
  if (!hash) throw new RangeError('a script without an address');
  return { type: P2SH, hash: fromHex(/** @type {string} */ (hash[1] ?? hash[2])) };
}

/**
 * @param {number} type
 * @param {Uint8Array} hash
 * @returns {Bytes}
 */
function lock(type, hash) {
  if (type === P2PKH && hash.length === 20) {
    return concat(fromHex('76a914'), hash, fromHex('88ac'));
  }
  if (type === P2SH && hash.length === 20) return concat(fromHex('a914'), hash, fromHex('87'));
  if (type === P2SH && hash.length === 32) return concat(fromHex('aa20'), hash, fromHex('87'));
  throw new RangeError('a hash of another length');
}
