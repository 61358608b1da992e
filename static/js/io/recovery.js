/**
 * Finding the coins of a recovery kit: its addresses are derived here, and somebody is asked which
 * of them hold anything. Who is asked sees locking scripts, and nothing that derives them.
 * @module
 */
import { decodeAddress } from '../crypto/cashaddr.js';
import { fromHex, toHex } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import {
  buildForward,
  COINS_PER_FORWARD,
  forwarder,
  leastSat,
  RECOVERY_GAP,
  RECOVERY_JUMP,
} from '../crypto/forwards.js';
import { t } from '../texts/say.js';

/**
 * @import { Coin, Forward, Forwarder, Kit } from '../crypto/forwards.js'
 *
 * @typedef {{script: string, txid: string, vout: number, value_sat: number, has_token: boolean}} Told
 * @typedef {(scripts: string[]) => Promise<{coins: Told[], used: string[]}>} Ask
 *
 * @typedef {object} Found
 * @property {number} scanned  addresses looked at
 * @property {number} unused  of those, unused ones in a row at the end
 * @property {Coin[]} coins  that can go on
 * @property {number} stuckSat  too little to go on
 * @property {number} tokenSat  beside tokens, which must stay
 */

const BATCH = 100;
const MOST_NUMBERS = 25_000;
const NAMED = 40; // letters of a line that is wrong

/**
 * Looks up address after address until 1,000 unused in a row; then 2,000 more from 10,000 beyond the
 * last used one, where a restored server would have gone on, and so forth.
 * @param {Kit} kit
 * @param {Ask} ask
 * @param {(found: Found) => void} onStep
 * @returns {Promise<Found>}
 */
export async function findCoins(kit, ask, onStep) {
  /** @type {Found} */
  const found = { scanned: 0, unused: 0, coins: [], stuckSat: 0, tokenSat: 0 };
  let [number, end, last, isBeyond] = [0, RECOVERY_GAP, -1, false];
  while (number < end || !isBeyond) {
    if (number >= end) {
      number = last + 1 + RECOVERY_JUMP;
      isBeyond = true;
      end = number + 2 * RECOVERY_GAP;
    }
    const count = Math.min(BATCH, end - number);
    const batch = new Map();
    for (let at = number; at < number + count; at += 1) {
      const made = forwarder(kit, at);
      batch.set(toHex(made.script), { at, made });
    }
    const told = await ask([...batch.keys()]);
    for (const { at } of told.used.map((script) => batch.get(script)).filter(Boolean)) {
      if (at <= last && !isBeyond) continue;
      last = Math.max(last, at);
      isBeyond = false;
      end = last + 1 + RECOVERY_GAP;
    }
    for (const coin of told.coins) sort(found, coin, batch.get(coin.script)?.made);
    number += count;
    found.scanned += count;
    found.unused = number - 1 - last;
    onStep(found);
  }
  return found;
}

/**
 * Coins that somebody else looked up: one a line, "address txid:number:satoshis".
 * @param {Kit[]} kits
 * @param {string} text
 * @param {string} network
 * @returns {Found}
 * @throws {KimError} naming the first line that cannot be used
 */
export function readCoins(kits, text, network) {
  /** @type {Found} */
  const found = { scanned: 0, unused: 0, coins: [], stuckSat: 0, tokenSat: 0 };
  const known = new Map();
  const numbers = numbered(kits);
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (!line) continue;
    const start = line.slice(0, NAMED);
    const parts = /^(\S+?)[\s,;]+([0-9a-f]{64}):(\d{1,6}):(\d{1,15})$/i.exec(line);
    if (!parts) throw wrongLine(t('The line “{line}…” cannot be read.', { line: start }));
    const [, address = '', txid = '', vout, value] = parts;
    const script = scriptOf(address, network, line);
    while (!known.has(script)) {
      const next = numbers.next();
      if (next.done) {
        throw wrongLine(
          t('The line “{line}…” names an address that is not of this kit.', { line: start }),
        );
      }
      known.set(toHex(next.value.script), next.value);
    }
    const told = { script, txid: txid.toLowerCase(), vout: Number(vout), has_token: false };
    sort(found, { ...told, value_sat: Number(value) }, known.get(script));
  }
  return found;
}

/**
 * @param {Kit} kit
 * @param {number} count
 * @returns {Forwarder[]} its first addresses
 */
export function firstOf(kit, count) {
  return Array.from({ length: count }, (_, number) => forwarder(kit, number));
}

/**
 * @param {Coin[]} coins  of one kit
 * @param {number} satPerByte
 * @returns {Forward[]} up to 50 coins in each
 */
export function buildForwards(coins, satPerByte) {
  const rich = coins.filter(({ from, valueSat }) => valueSat >= leastSat(from, satPerByte));
  const made = [];
  for (let at = 0; at < rich.length; at += COINS_PER_FORWARD) {
    made.push(buildForward(rich.slice(at, at + COINS_PER_FORWARD), satPerByte));
  }
  return made;
}

/**
 * @param {Found} found
 * @param {Told} told
 * @param {Forwarder | undefined} from  undefined: not asked for, and so not believed
 */
function sort(found, told, from) {
  if (!from || !Number.isSafeInteger(told.value_sat)) return;
  const coin = { txid: told.txid, vout: told.vout, valueSat: told.value_sat, from };
  if (told.has_token) found.tokenSat += coin.valueSat;
  else if (coin.valueSat < leastSat(from, 1)) found.stuckSat += coin.valueSat;
  else if (!found.coins.some(({ txid, vout }) => txid === coin.txid && vout === coin.vout)) {
    found.coins.push(coin);
  }
}

/**
 * @param {Kit[]} kits
 * @returns {Generator<Forwarder, void>} of all kits, number by number
 */
function* numbered(kits) {
  for (let number = 0; number < MOST_NUMBERS; number += 1) {
    for (const kit of kits) yield forwarder(kit, number);
  }
}

/**
 * @param {string} address  or a locking script in hex
 * @param {string} network
 * @param {string} line
 * @returns {string} hex
 */
function scriptOf(address, network, line) {
  try {
    if (/^a914[0-9a-f]{40}87$/.test(address)) return toHex(fromHex(address));
    return toHex(decodeAddress(address, network));
  } catch {
    const start = line.slice(0, NAMED);
    throw wrongLine(t('The line “{line}…” has no address of this network.', { line: start }));
  }
}

/** @param {string} what */
function wrongLine(what) {
  const hint = 'One coin a line: address, a space, then txid:number:satoshis.';
  return new KimError('coins_malformed', hint, what);
}
