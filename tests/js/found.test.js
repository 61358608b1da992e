import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isSealed, lookAt, reads } from '../../static/js/io/found.js';
import { linkIn } from '../../static/js/pages/openkeys.js';

const L = 'A'.repeat(22);
const SEED = 'B'.repeat(42) + 'A';

/** @param {BlobPart} content */
function fileOf(content) {
  return new File([content], 'found.kim');
}

test('what does not begin like a sealed file is told apart by its first bytes', async () => {
  assert.equal(await isSealed(new Blob(['{"kim":"licence"}'])), false);
  assert.equal(await isSealed(new Blob([])), false);
  assert.equal(await isSealed(new Blob([Uint8Array.of(0x89, 0x4b, 0x49)])), false);
  assert.equal(await isSealed(new Blob([Uint8Array.of(0x89, 0x4b, 0x49, 0x4d)])), true);
  await assert.rejects(lookAt(fileOf('PK')), { code: 'not_a_container' });
  await assert.rejects(lookAt(fileOf(Uint8Array.of(0x89, 0x4b, 0x49, 0x4d))), {
    code: 'not_a_container',
  });
});

test('a file that is gone is not asked for again and again', async () => {
  const gone = /** @type {File} */ (
    /** @type {unknown} */ ({
      slice: () => ({
        arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')),
      }),
    })
  );

  await assert.rejects(reads(gone)(0, 9), { code: 'file_unreadable' });
  await assert.rejects(lookAt(gone), { code: 'file_unreadable' });
});

test('a stream of a file is exact at both ends', async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const stream = await reads(new Blob([bytes]))(11, 59_998);

  const read = new Uint8Array(await new Response(stream).arrayBuffer());

  assert.deepEqual(read, bytes.subarray(11, 59_999));
});

test('links of both kinds are known, other texts are none, cut ones are refused', () => {
  const share = linkIn(` https://kim.example/f/abc-1#1.${L}. `);
  const back = linkIn(`https://kim.example/p/xyz#1.${L}.${SEED}`);

  assert.deepEqual(
    [share?.origin, share?.paidFileId, share?.purchaseId, share?.seed],
    ['https://kim.example', 'abc-1', '', null],
  );
  assert.deepEqual([back?.paidFileId, back?.purchaseId, back?.seed?.length], ['', 'xyz', 32]);
  assert.equal(linkIn('good morning'), null);
  assert.equal(linkIn('javascript:alert(1)'), null);
  assert.throws(() => linkIn(`https://kim.example/f/abc#1.${L.slice(1)}`), {
    code: 'link_malformed',
  });
  assert.throws(() => linkIn('https://kim.example/f/abc'), { code: 'link_malformed' });
  assert.throws(() => linkIn('https://kim.example/about'), { code: 'link_malformed' });
});
