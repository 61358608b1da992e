import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromBase64url, toHex } from '../../static/js/crypto/bytes.js';
import { releaseHash, releaseSecret } from '../../static/js/crypto/keys.js';
import { answersTo } from '../../static/js/pages/depositing.js';

const root = new Uint8Array(32).fill(7);
const fileId = new Uint8Array(16).fill(3);

/** @param {Uint8Array<ArrayBuffer>} from @param {number} generation */
function wanted(from, generation) {
  const h_s = toHex(releaseHash(releaseSecret(from, fileId, generation)));
  return { file: `f${generation}`, title: 't', generation, file_id: toHex(fileId), h_s };
}

test('S is made again for what comes from this root, under each generation', () => {
  const foreign = wanted(new Uint8Array(32).fill(8), 2);

  const given = answersTo(root, [wanted(root, 0), foreign, wanted(root, 5)]);

  assert.deepEqual(
    given.map(({ file, generation }) => [file, generation]),
    [
      ['f0', 0],
      ['f5', 5],
    ],
  );
  assert.deepEqual(fromBase64url(given[1]?.s ?? ''), releaseSecret(root, fileId, 5));
});
