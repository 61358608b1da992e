import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { fromBase64url, fromHex, toHex } from '../../static/js/crypto/bytes.js';
import * as shop from '../../static/js/crypto/shop.js';

const { cases } = JSON.parse(
  readFileSync(new URL('../vectors/shop.json', import.meta.url), 'utf8'),
);

describe('the keys of a shop', () => {
  for (const one of cases) {
    it(`are the vectors: generation ${one.generation}`, async () => {
      const key = shop.shopKey(fromHex(one.root), one.generation);
      assert.equal(toHex(key), one.key);
      assert.equal(toHex(fromBase64url(shop.shopProof(key))), one.proof);
      assert.equal(shop.shopAccessHash(key), one.access_hash);
      for (const { file, link, entry } of one.entries) {
        const place = { paidFileId: file, generation: one.generation };
        const opened = await shop.openEntry(key, place, fromHex(entry));
        assert.equal(opened && toHex(opened), link);
        const again = await shop.sealEntry(key, place, fromHex(link));
        assert.equal(again.length, 44);
        const back = await shop.openEntry(key, place, again);
        assert.equal(back && toHex(back), link);
        const elsewhere = { ...place, generation: one.generation - 1 };
        if (one.generation > 0) {
          assert.equal(await shop.openEntry(key, elsewhere, fromHex(entry)), null);
        }
      }
    });
  }

  it('stand in a link that reads back', () => {
    const key = fromHex(cases[0].key);
    const link = shop.shopLink('https://kim.example', 'maya', key);
    assert.equal(link, `https://kim.example/@maya#1.${link.slice(-22)}`);
    assert.equal(toHex(shop.parseShopFragment(new URL(link).hash)), cases[0].key);
    for (const cut of ['', '#', '#1', '#1.', link.slice(-10), `#1.${link.slice(-21)}`]) {
      assert.throws(() => shop.parseShopFragment(cut), { name: 'LinkMalformed' });
    }
    assert.throws(() => shop.parseShopFragment(`#2.${link.slice(-22)}`), {
      name: 'UnsupportedVersion',
    });
  });
});
