import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toHex } from '../../static/js/crypto/bytes.js';
import { encodeAddress } from '../../static/js/crypto/cashaddr.js';
import { forwarder } from '../../static/js/crypto/forwards.js';
import { buildForwards, findCoins, firstOf, readCoins } from '../../static/js/io/recovery.js';

const kit = {
  seed: new Uint8Array(32).fill(7),
  payee: Uint8Array.from([0x76, 0xa9, 0x14, ...new Uint8Array(20), 0x88, 0xac]),
  maxFeeSat: 600,
};

/** @param {number} number */
const scriptOf = (number) => toHex(forwarder(kit, number).script);

/**
 * A chain on which these numbers hold one coin each.
 * @param {Record<number, {sat: number, token?: boolean}>} paid
 */
function chainOf(paid) {
  const rows = new Map(
    Object.entries(paid).map(([number, { sat, token }]) => [
      scriptOf(Number(number)),
      { txid: number.padStart(64, '0'), vout: 1, value_sat: sat, has_token: token === true },
    ]),
  );
  /** @type {string[]} */
  const asked = [];
  /** @param {string[]} scripts */
  const ask = async (scripts) => {
    assert.ok(scripts.length <= 100);
    asked.push(...scripts);
    const used = scripts.filter((script) => rows.has(script));
    const coins = used.map((script) => ({ script, .../** @type {any} */ (rows.get(script)) }));
    return { coins, used };
  };
  return { ask, asked };
}

describe('a scan', () => {
  it('ends after 1,000 unused and 2,000 more beyond the jump', async () => {
    const { ask, asked } = chainOf({});
    const found = await findCoins(kit, ask, () => undefined);
    assert.deepEqual([found.scanned, found.coins.length], [3_000, 0]);
    assert.equal(asked[0], scriptOf(0));
    assert.equal(asked[1_000], scriptOf(10_000));
    assert.equal(asked.at(-1), scriptOf(11_999));
  });

  it('goes on from every used address, beyond jumps as well', async () => {
    const { ask } = chainOf({ 2: { sat: 9_000 }, 900: { sat: 8_000 }, 11_801: { sat: 7_000 } });
    const found = await findCoins(kit, ask, () => undefined);
    assert.deepEqual(
      found.coins.map(({ valueSat }) => valueSat),
      [9_000, 8_000, 7_000],
    );
  });

  it('leaves tokens and dust where they are, and says how much that is', async () => {
    const { ask } = chainOf({ 0: { sat: 687 }, 1: { sat: 688 }, 2: { sat: 5_000, token: true } });
    const found = await findCoins(kit, ask, () => undefined);
    assert.deepEqual([found.stuckSat, found.tokenSat, found.coins.length], [687, 5_000, 1]);
  });

  it('believes no coin on a script it did not ask about', async () => {
    const told = { script: 'a914', txid: '00', vout: 0, value_sat: 5_000, has_token: false };
    const ask = async () => ({ coins: [told], used: [] });
    assert.equal((await findCoins(kit, ask, () => undefined)).coins.length, 0);
  });
});

describe('coins from elsewhere', () => {
  const txid = 'ab'.repeat(32);
  const address = encodeAddress(forwarder(kit, 12).script, 'mainnet');

  it('are read one a line, by address or script, each once', () => {
    const text = `\n${address} ${txid}:0:5000\n${scriptOf(3)},${txid}:1:6000\n${address} ${txid}:0:5000`;
    const { coins } = readCoins([kit], text, 'mainnet');
    assert.deepEqual(
      coins.map(({ vout, valueSat, from }) => [vout, valueSat, toHex(from.script)]),
      [
        [0, 5_000, scriptOf(12)],
        [1, 6_000, scriptOf(3)],
      ],
    );
  });

  for (const [what, line] of [
    ['no coin', 'hello'],
    ['another network', `${address.replace('bitcoincash', 'bchtest')} ${txid}:0:5000`],
    ['a foreign address', `${encodeAddress(kit.payee, 'mainnet')} ${txid}:0:5000`],
  ]) {
    it(`are refused with ${what}, by the line`, () => {
      assert.throws(() => readCoins([kit], /** @type {string} */ (line), 'mainnet'), {
        code: 'coins_malformed',
      });
    });
  }
});

it('fifty coins go in one transaction, and what a higher fee would eat stays out', () => {
  const coins = firstOf(kit, 120).map((from, vout) => ({
    txid: 'cd'.repeat(32),
    vout,
    valueSat: vout === 0 ? 700 : 5_000,
    from,
  }));
  assert.equal(buildForwards(coins, 1).length, 3);
  const [first] = buildForwards(coins, 3);
  assert.ok(first && first.feeSat <= 50 * 600);
  assert.equal(buildForwards(coins.slice(0, 1), 3).length, 0);
});
