import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, fromHex, toHex } from '../../static/js/crypto/bytes.js';
import { Floe, importDek, openSegment, sealSegment } from '../../static/js/crypto/floe.js';
import { vectors } from './support.js';

/** @import { Bytes } from '../../static/js/crypto/bytes.js' */

/** @param {any} known */
function session(known) {
  const ciphertext = fromHex(known.ciphertext);
  const settings = {
    iv: ciphertext.slice(10, 42),
    aad: fromHex(known.aad),
    segmentSize: known.segment_bytes,
    rotationMask: known.rotation_mask,
  };
  const floe = new Floe(fromHex(known.key), settings);
  /** @type {Bytes[]} */
  const segments = [];
  for (let at = 74; at < ciphertext.length; at += known.segment_bytes) {
    segments.push(ciphertext.slice(at, at + known.segment_bytes));
  }
  return { floe, headerTag: ciphertext.slice(42, 74), segments };
}

describe('FLOE', () => {
  for (const known of vectors('floe').cases) {
    it(`opens the published answer ${known.name}`, async () => {
      const { floe, headerTag, segments } = session(known);
      floe.checkTag(headerTag);

      const opened = [];
      for (const [at, stored] of segments.entries()) {
        const key = await importDek(floe.dek(at));
        const plain = await openSegment(key, at, at === segments.length - 1, stored);
        assert.ok(plain, `segment ${at}`);
        opened.push(plain);
      }

      assert.equal(toHex(concat(...opened)), known.plaintext);
    });
  }

  it('gives every segment a key of its own, unless a mask says otherwise', () => {
    const settings = { iv: new Uint8Array(32), aad: new Uint8Array(0), segmentSize: 64 };
    const own = new Floe(new Uint8Array(32), settings);
    const shared = new Floe(new Uint8Array(32), { ...settings, rotationMask: 2 });
    assert.notDeepEqual(own.dek(1), own.dek(0));
    assert.deepEqual(shared.dek(3), shared.dek(0));
    assert.notDeepEqual(shared.dek(4), shared.dek(0));
    assert.deepEqual(own.dek(2 ** 33 + 5), own.dek(2 ** 33 + 5));
    assert.notDeepEqual(own.dek(2 ** 33 + 5), own.dek(5));
  });

  it('seals the same segment under a fresh IV every time', async () => {
    const key = await importDek(new Uint8Array(32));
    const [one, two] = [new Uint8Array(42), new Uint8Array(42)];
    await sealSegment(key, 0, true, new Uint8Array(10), one);
    await sealSegment(key, 0, true, new Uint8Array(10), two);
    assert.notDeepEqual(one, two);
    assert.deepEqual(await openSegment(key, 0, true, one), new Uint8Array(10));
    assert.deepEqual(await openSegment(key, 0, true, two), new Uint8Array(10));
  });

  it('opens nothing at another place, or final when it is not', async () => {
    const key = await importDek(new Uint8Array(32));
    const stored = new Uint8Array(42);
    await sealSegment(key, 7, true, new Uint8Array(10), stored);
    assert.equal(await openSegment(key, 8, true, stored), null);
    assert.equal(await openSegment(key, 7, false, stored), null);
    stored.set([255, 255, 255, 255]);
    assert.equal(await openSegment(key, 7, false, stored), null);
    assert.equal(await openSegment(key, 7, true, stored.slice(0, 31)), null);
  });
});
