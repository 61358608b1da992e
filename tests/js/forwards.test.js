import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { fromHex, toBase64url, toHex } from '../../static/js/crypto/bytes.js';
import { decodeAddress, encodeAddress } from '../../static/js/crypto/cashaddr.js';
import { buildKeyFile } from '../../static/js/crypto/files.js';
import { buildForward, forwarder, leastSat, parseKits } from '../../static/js/crypto/forwards.js';
import { vectors } from './support.js';

const known = vectors('forwards');
const spec = vectors('cashaddr');

/** @param {any} vector */
function kitOf({ seed, payee, max_fee_sat: maxFeeSat }) {
  return { seed: fromHex(seed), payee: fromHex(payee), maxFeeSat };
}

/** @param {any} vector */
function coinsOf(vector) {
  const kit = kitOf(vector);
  return vector.coins.map((/** @type {any} */ coin) => ({
    txid: coin.txid,
    vout: coin.vout,
    valueSat: coin.value_sat,
    from: forwarder(kit, coin.n),
  }));
}

describe('a forwarder', () => {
  for (const one of known.forwarders) {
    it(`to ${one.kind}, number ${one.n}, has the nonce, script and address that Python gives`, () => {
      const made = forwarder(kitOf(one), one.n);
      assert.equal(toHex(made.redeem), one.redeem);
      assert.equal(toHex(made.redeem.slice(1, 17)), one.nonce);
      assert.equal(toHex(made.script), one.script);
      assert.equal(encodeAddress(made.script, 'mainnet'), one.address);
      assert.equal(encodeAddress(made.payee, 'mainnet'), one.payee_address);
      assert.equal(toHex(decodeAddress(one.payee_address, 'mainnet')), one.payee);
      assert.equal(leastSat(made, 1), one.least_sat);
    });
  }
});

describe('a forward', () => {
  for (const one of known.forwards) {
    it(`of ${one.coins.length} coins at ${one.sat_per_byte} sat a byte is Python's, to the byte`, () => {
      const made = buildForward(coinsOf(one), one.sat_per_byte);
      const hash = createHash('sha256').update(fromHex(made.raw)).digest('hex');
      assert.equal(made.txid, one.txid);
      if (one.raw) assert.equal(made.raw, one.raw);
      else assert.equal(hash, one.raw_sha256);
    });
  }

  it('adds up, to the satoshi', () => {
    const coins = coinsOf(known.forwards[1]);
    const { arrivesSat, feeSat } = buildForward(coins, 1);
    assert.equal(arrivesSat + feeSat, coins[0].valueSat + coins[1].valueSat);
  });

  it('is not made when its covenant or the network would refuse it', () => {
    const [coin] = coinsOf(known.forwards[0]);
    assert.throws(() => buildForward([coin], 5), RangeError);
    const least = leastSat(coin.from, 1);
    assert.equal(buildForward([{ ...coin, valueSat: least }], 1).arrivesSat, 546);
    assert.throws(() => buildForward([{ ...coin, valueSat: least - 1 }], 1), RangeError);
  });
});

describe('kits', () => {
  const [one] = known.forwarders;
  const kit = { seed: toBase64url(fromHex(one.seed)), payee: one.payee, max_fee_sat: 600 };

  it('are read from a key file and from themselves', () => {
    const text = buildKeyFile({ role: 'creator', root: new Uint8Array(32), payouts: [kit, kit] });
    assert.deepEqual(parseKits(text), [kitOf(one), kitOf(one)]);
    assert.deepEqual(parseKits(JSON.stringify(kit)), [kitOf(one)]);
  });

  for (const [what, text] of [
    ['no JSON', 'kit'],
    ['a list', '[]'],
    [
      'a key file without kits',
      buildKeyFile({ role: 'buyer', root: new Uint8Array(32), payouts: [] }),
    ],
    ['a short seed', JSON.stringify({ ...kit, seed: 'AAAA' })],
    ['another payee', JSON.stringify({ ...kit, payee: 'ab' })],
    ['no fee', JSON.stringify({ ...kit, max_fee_sat: 0 })],
    ['a fee of text', JSON.stringify({ ...kit, max_fee_sat: '600' })],
  ]) {
    it(`are not made of ${what}`, () => {
      assert.throws(() => parseKits(/** @type {string} */ (text)), {
        name: /KeyFileMalformed|KimError/,
      });
    });
  }
});

describe('CashAddr', () => {
  const [P2PKH, P2SH] = [0, 1];
  /** @type {Record<string, string>} */
  const networks = { bitcoincash: 'mainnet', bchtest: 'chipnet', bchreg: 'regtest' };

  /** @param {any} row */
  function scriptOf({ bytes, type, payload }) {
    if (type % 2 === P2PKH) return `76a914${payload}88ac`;
    return bytes === 20 ? `a914${payload}87` : `aa20${payload}87`;
  }

  for (const row of [...spec.payloads, ...spec.token_aware]) {
    const network = networks[row.cashaddr.split(':')[0]];
    const isOurs = network && (row.bytes === 20 || (row.bytes === 32 && row.type % 2 === P2SH));
    if (!isOurs) continue;
    it(`reads ${row.cashaddr.slice(0, 24)}… as the specification does`, () => {
      const script = scriptOf(row);
      assert.equal(toHex(decodeAddress(row.cashaddr, network)), script);
      assert.equal(toHex(decodeAddress(row.cashaddr.toUpperCase(), network)), script);
      if (row.type < 2) assert.equal(encodeAddress(fromHex(script), network), row.cashaddr);
    });
  }

  const [{ address }] = known.forwarders;
  for (const [what, text] of [
    ['a wrong letter', address.replace(/.$/, address.endsWith('q') ? 'p' : 'q')],
    ['mixed case', address.replace(/.$/, (/** @type {string} */ last) => last.toUpperCase())],
    ['another network', address.replace('bitcoincash', 'bchtest')],
    ['nothing', ''],
    ['letters it does not have', 'bitcoincash:boi1'],
  ]) {
    it(`refuses ${what}`, () => assert.throws(() => decodeAddress(text, 'mainnet'), RangeError));
  }

  it('has no address for other scripts', () => {
    assert.throws(() => encodeAddress(fromHex('6a'), 'mainnet'), RangeError);
  });
});
