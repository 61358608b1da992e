import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, toHex } from '../../static/js/crypto/bytes.js';
import { placesAfter, shareOf } from '../../static/js/crypto/editions.js';
import { WrongKey } from '../../static/js/crypto/errors.js';
import { Header } from '../../static/js/crypto/header.js';
import * as keys from '../../static/js/crypto/keys.js';
import { vectors, withRandom } from './support.js';

const known = vectors('keys').versions;

/** @param {any} one */
function placeOf({ link_file_id: id, link_generation: linkGeneration, generation }) {
  return { linkFileId: fromHex(id), linkGeneration, generation };
}

describe('the keys of a version', () => {
  for (const one of known) {
    it(`are as written down, for S ${one.generation} under link ${one.link_generation}`, async () => {
      const header = new Header(fromHex(one.core));
      const root = fromHex(one.root);
      await withRandom([one.wrap_iv], async () => {
        const share = await shareOf(root, placeOf(one), header);
        assert.equal(toHex(share.release), one.s);
        assert.equal(toHex(share.link), one.l);
        assert.equal(toHex(share.wrapped), one.w);
        assert.equal(toHex(keys.releaseHash(share.release)), one.h_s);
      });
      const under = { release: fromHex(one.s), link: fromHex(one.l), header };
      assert.equal(toHex(await keys.unwrap([fromHex(one.w)], under)), one.m);
    });
  }

  it('keep the link through another content, and nothing else', () => {
    const [first, second, moved] = known;
    assert.equal(first.l, second.l);
    assert.notEqual(first.m, second.m);
    assert.equal(second.m, moved.m);
    assert.notEqual(second.l, moved.l);
    assert.equal(new Set(known.map((/** @type {any} */ one) => one.s)).size, 3);
  });

  it('of one version open no other', async () => {
    const [first, second, moved] = known;
    const header = new Header(fromHex(second.core));
    const old = { release: fromHex(first.s), link: fromHex(first.l), header };
    await assert.rejects(keys.unwrap([fromHex(second.w)], old), WrongKey);
    const leaked = { release: fromHex(moved.s), link: fromHex(second.l), header };
    await assert.rejects(keys.unwrap([fromHex(moved.w)], leaked), WrongKey);
  });
});

describe('the places that need a key', () => {
  const now = { generation: 4, linkGeneration: 2 };

  it('are one for new content that earlier buyers do not get', () => {
    assert.deepEqual(placesAfter(now, { isNewLink: false, isForEarlier: false }), [
      { generation: 5, linkGeneration: 2 },
    ]);
  });

  it('are one for each link where they get it, the newest link last', () => {
    assert.deepEqual(placesAfter(now, { isNewLink: false, isForEarlier: true }), [
      { generation: 5, linkGeneration: 0 },
      { generation: 6, linkGeneration: 1 },
      { generation: 7, linkGeneration: 2 },
    ]);
  });

  it('are one for a new link', () => {
    assert.deepEqual(placesAfter(now, { isNewLink: true, isForEarlier: true }), [
      { generation: 5, linkGeneration: 3 },
    ]);
  });
});
