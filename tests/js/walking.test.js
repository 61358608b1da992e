import assert from 'node:assert/strict';
import test from 'node:test';

import { fromHex, toBase64url } from '../../static/js/crypto/bytes.js';
import { claimSecret, purchaseSeed } from '../../static/js/crypto/keys.js';
import { GAP, highest, walk } from '../../static/js/io/walking.js';

const root = fromHex('11'.repeat(32));

/**
 * A server that knows the claims of these numbers, and counts its calls.
 * @param {number[]} numbers
 */
function server(numbers) {
  const known = new Map(
    numbers.map((n) => [toBase64url(claimSecret(purchaseSeed(root, n))), `purchase ${n}`]),
  );
  const calls = { count: 0, most: 0, together: 0, atOnce: 0 };
  const lookUp = async (/** @type {string[]} */ claims) => {
    calls.count += 1;
    calls.most = Math.max(calls.most, claims.length);
    calls.together += 1;
    calls.atOnce = Math.max(calls.atOnce, calls.together);
    await new Promise((resolve) => setImmediate(resolve));
    calls.together -= 1;
    return claims.flatMap((claim, at) =>
      known.has(claim) ? [/** @type {any} */ ({ at, id: known.get(claim) })] : [],
    );
  };
  return { calls, lookUp };
}

test('words that nobody bought with are known after a hundred numbers', async () => {
  const { calls, lookUp } = server([]);

  const found = await walk(root, { lookUp });

  assert.deepEqual(found, []);
  assert.equal(highest(found), -1);
  assert.deepEqual(calls, { count: 5, most: 20, together: 0, atOnce: 2 });
});

test('gaps are walked over, and the last number rules the next one', async () => {
  const numbers = [0, 1, 5, 19, 20, 118, 218];
  const { lookUp } = server(numbers);

  const found = await walk(root, { lookUp });

  assert.deepEqual(
    found.map(({ n, held }) => [n, held.id]),
    numbers.map((n) => [n, `purchase ${n}`]),
  );
  assert.equal(highest(found), 218);
  assert.deepEqual(found[3]?.seed, purchaseSeed(root, 19));
});

test('beyond a gap of a hundred nothing is looked for', async () => {
  const { lookUp } = server([0, GAP + 1 + 39]);

  const found = await walk(root, { lookUp });

  assert.deepEqual(
    found.map(({ n }) => n),
    [0],
  );
});

test('five hundred purchases are found in few calls, with progress', async () => {
  const { calls, lookUp } = server(Array.from({ length: 500 }, (_, n) => n));
  /** @type {[number, number][]} */
  const told = [];

  const found = await walk(root, {
    lookUp,
    onProgress: (asked, count) => told.push([asked, count]),
  });

  assert.equal(found.length, 500);
  assert.equal(calls.count, 30);
  assert.deepEqual(told[0], [40, 40]);
  assert.equal(told.at(-1)?.[1], 500);
});

test('a walk that is stopped stores nothing', async () => {
  const { lookUp } = server([0]);
  let asked = 0;

  await assert.rejects(
    walk(root, {
      lookUp: async (claims) => {
        asked += 1;
        if (asked > 2) throw new DOMException('stopped', 'AbortError');
        return lookUp(claims);
      },
    }),
    { name: 'AbortError' },
  );
});
