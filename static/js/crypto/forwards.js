/**
 * Forwarders: keyless addresses whose coins can only go on to one payee, derived from a recovery
 * kit, and the transactions that pass them on (docs/payments.md, "The forwarder"). No signature.
 * @module
 */
import { hmac } from '../../vendor/noble-hashes@2.4.0/hmac.js';
import { ripemd160 } from '../../vendor/noble-hashes@2.4.0/legacy.js';
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, fromBase64url, fromHex, toHex, u32 } from './bytes.js';
import { KimError, KeyFileMalformed } from './errors.js';
import { parseKeyFile } from './files.js';

/** @import { Bytes } from './bytes.js' */

/**
 * @typedef {object} Kit
 * @property {Bytes} seed
 * @property {Bytes} payee  locking script
 * @property {number} maxFeeSat
 *
 * @typedef {object} Forwarder
 * @property {Bytes} redeem
 * @property {Bytes} script  what buyers pay to, P2SH20
 * @property {Bytes} payee
 * @property {number} maxFeeSat
 *
 * @typedef {object} Coin
 * @property {string} txid
 * @property {number} vout
 * @property {number} valueSat
 * @property {Forwarder} from
 *
 * @typedef {object} Forward
 * @property {string} raw  hex
 * @property {string} txid
 * @property {number} arrivesSat
 * @property {number} feeSat
 */

export const RECOVERY_GAP = 1_000;
export const RECOVERY_JUMP = 10_000;
export const COINS_PER_FORWARD = 50;
const NONCE_SIZE = 16;
const SEQUENCE_FINAL = fromHex('ffffffff');
/** Outputs worth less are not relayed, by the length of their script. */
const DUST_SAT = new Map([
  [25, 546],
  [23, 540],
  [35, 576],
]);

/**
 * @param {string} text  a key file, or one kit as JSON
 * @returns {Kit[]}
 * @throws {KimError}
 */
export function parseKits(text) {
  let members;
  try {
    members = JSON.parse(text);
  } catch (cause) {
    throw new KeyFileMalformed('this is neither a key file nor a kit', { cause });
  }
  const isAlone = typeof members?.seed === 'string' && typeof members.payee === 'string';
  const kits = isAlone ? [members] : parseKeyFile(text).payouts;
  if (kits.length === 0) {
    const hint = 'Choose the key file of a creator whose payout is an address.';
    throw new KimError('no_kits', hint, 'This key file has no recovery kit in it.');
  }
  try {
    return kits.map((kit) => checked(fromBase64url(kit.seed), fromHex(kit.payee), kit.max_fee_sat));
  } catch (cause) {
    throw new KeyFileMalformed('the kit is incomplete or was changed', { cause });
  }
}

/**
 * @param {Kit} kit
 * @param {number} number  from 0
 * @returns {Forwarder}
 */
export function forwarder({ seed, payee, maxFeeSat }, number) {
  const nonce = hmac(sha256, seed, u32(number)).slice(0, NONCE_SIZE);
  const redeem = concat(
    push(nonce),
    fromHex('75c0cd'), // DROP INPUTINDEX OUTPUTBYTECODE
    push(payee),
    fromHex('88c0ccc0c6'), // EQUALVERIFY INPUTINDEX OUTPUTVALUE INPUTINDEX UTXOVALUE
    push(scriptNumber(maxFeeSat)),
    fromHex('94a2'), // SUB GREATERTHANOREQUAL
  );
  const script = concat(fromHex('a914'), ripemd160(sha256(redeem)), fromHex('87'));
  return { redeem, script, payee, maxFeeSat };
}

/**
 * @param {Forwarder} from
 * @param {number} satPerByte
 * @returns {number} the least coin that can go on alone
 */
export function leastSat(from, satPerByte) {
  return (10 + ownBytes(from)) * satPerByte + dustSat(from.payee);
}

/**
 * One transaction that passes every coin on: output i pays input i's payee.
 * @param {Coin[]} coins
 * @param {number} satPerByte
 * @returns {Forward}
 * @throws {RangeError} if a coin is too small, or its covenant lets no such fee pass
 */
export function buildForward(coins, satPerByte) {
  const head = concat(little(2, 4), compact(coins.length));
  const inputs = coins.map(({ txid, vout, from }) => {
    const spent = concat(fromHex(txid).reverse(), little(vout, 4));
    const scriptSig = push(from.redeem);
    return concat(spent, compact(scriptSig.length), scriptSig, SEQUENCE_FINAL);
  });
  const sharedBytes = Math.ceil((8 + 2 * compact(coins.length).length) / coins.length);
  const values = coins.map((coin) => {
    const feeSat = (ownBytes(coin.from) + sharedBytes) * satPerByte;
    const restSat = coin.valueSat - feeSat;
    if (feeSat > coin.from.maxFeeSat) throw new RangeError('the fee is more than may pass');
    if (restSat < dustSat(coin.from.payee)) throw new RangeError('too little would be left');
    return restSat;
  });
  const outputs = coins.map(({ from: { payee } }, at) =>
    concat(little(/** @type {number} */ (values[at]), 8), compact(payee.length), payee),
  );
  const whole = concat(head, ...inputs, compact(coins.length), ...outputs, little(0, 4));
  const arrivesSat = values.reduce((sum, value) => sum + value, 0);
  const feeSat = coins.reduce((sum, coin) => sum + coin.valueSat, 0) - arrivesSat;
  const txid = toHex(sha256(sha256(whole)).reverse());
  return { raw: toHex(whole), txid, arrivesSat, feeSat };
}

/**
 * @param {Bytes} seed
 * @param {Bytes} payee
 * @param {unknown} maxFeeSat
 * @returns {Kit}
 */
function checked(seed, payee, maxFeeSat) {
  if (seed.length !== 32) throw new RangeError('seed');
  dustSat(payee);
  if (!Number.isSafeInteger(maxFeeSat)) throw new TypeError('max_fee_sat');
  const fee = /** @type {number} */ (maxFeeSat);
  if (fee < 17 || fee > 100_000) throw new RangeError('max_fee_sat');
  return { seed, payee, maxFeeSat: fee };
}

/** @param {Uint8Array} payee */
function dustSat(payee) {
  const least = DUST_SAT.get(payee.length);
  if (least === undefined) throw new RangeError('payee');
  return least;
}

/** @param {Forwarder} from */
function ownBytes({ redeem, payee }) {
  return 36 + 1 + 1 + redeem.length + 4 + 8 + 1 + payee.length;
}

/** @param {Uint8Array} data  2 to 75 bytes */
function push(data) {
  return concat(Uint8Array.of(data.length), data);
}

/**
 * A positive number as scripts write it: little-endian, the top bit free for the sign.
 * @param {number} value
 */
function scriptNumber(value) {
  const bytes = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  if ((bytes.at(-1) ?? 0) >= 128 || bytes.length === 0) bytes.push(0);
  return Uint8Array.from(bytes);
}

/**
 * @param {number} value  at most 2^53-1
 * @param {number} size
 */
function little(value, size) {
  const bytes = new Uint8Array(size);
  for (let [at, rest] = [0, value]; at < size; at += 1, rest = Math.floor(rest / 256)) {
    bytes[at] = rest % 256;
  }
  return bytes;
}

/** @param {number} value  up to 65,535 */
function compact(value) {
  return value < 0xfd ? little(value, 1) : concat(Uint8Array.of(0xfd), little(value, 2));
}
