import assert from 'node:assert/strict';
import test from 'node:test';

import { fromHex, toHex } from '../../static/js/crypto/bytes.js';
import { parseHeader } from '../../static/js/crypto/header.js';
import { rootOf } from '../../static/js/crypto/index.js';
import { pathOf } from '../../static/js/crypto/paths.js';
import { vectors } from './support.js';

test('paths are those of the vectors', () => {
  for (const { core, rows, root, paths } of vectors('paths').cases) {
    const header = parseHeader(fromHex(core));
    assert.equal(toHex(rootOf(header, fromHex(rows))), root);
    for (const [segment, path] of paths.entries()) {
      assert.equal(toHex(pathOf(header, fromHex(rows), segment)), path);
    }
  }
});
