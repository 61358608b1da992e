import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { fromHex, random, toHex, u32, u64 } from '../../static/js/crypto/bytes.js';
import { parseHeader } from '../../static/js/crypto/header.js';
import { rootOf } from '../../static/js/crypto/index.js';
import { pathOf } from '../../static/js/crypto/paths.js';
import { begin } from '../../static/js/crypto/sealer.js';
import { vectors } from './support.js';

test('paths are those of the vectors', async () => {
  for (const { core, rows, root, paths } of vectors('paths').cases) {
    const header = parseHeader(fromHex(core));
    assert.equal(toHex(await rootOf(header, fromHex(rows))), root);
    for (const [segment, path] of paths.entries()) {
      assert.equal(toHex(await pathOf(header, fromHex(rows), segment)), path);
    }
  }
});

/** @param {Uint8Array[]} pieces */
function sha256(...pieces) {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return new Uint8Array(hash.digest());
}

/**
 * RFC 6962, 2.1, as it stands there.
 * @param {Uint8Array[]} leaves
 * @returns {Uint8Array}
 */
function treeHash(leaves) {
  if (leaves.length === 1) return /** @type {Uint8Array} */ (leaves[0]);
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(Uint8Array.of(1), treeHash(leaves.slice(0, left)), treeHash(leaves.slice(left)));
}

test('the root of a large file is found in many short turns, so that its page stays awake', async () => {
  const fileId = random(16);
  const header = begin(random(32), { payloadSize: 3000 * 262112 - 5, isBundle: false, fileId });
  const rows = new Uint8Array(64 * 3000).map((_, at) => at % 251);
  const leaves = Array.from({ length: 3000 }, (_, at) => {
    const row = rows.subarray(64 * at, 64 * at + 64);
    return sha256(Uint8Array.of(0), fileId, u64(at), u32(header.storedSizeOf(at)), row);
  });
  let turns = 0;
  let isFound = false;

  const finding = rootOf(header, rows).finally(() => (isFound = true));
  while (!isFound) {
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }

  assert.equal(toHex(await finding), toHex(treeHash(leaves)));
  assert.ok(turns >= Math.floor(3000 / 512), `${turns} turns`);
});
