import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, fromBase64url, fromHex, toHex, utf8 } from '../../static/js/crypto/bytes.js';
import { buildDirectory, parseDirectory, payloadSizeOf } from '../../static/js/crypto/directory.js';
import { StreamDigest } from '../../static/js/crypto/digest.js';
import * as errors from '../../static/js/crypto/errors.js';
import { segmentCountOf } from '../../static/js/crypto/header.js';
import { buildIndex, rootOf } from '../../static/js/crypto/index.js';
import { contentKey, linkSecret, releaseSecret, wrap } from '../../static/js/crypto/keys.js';
import { openMeta, sealMeta } from '../../static/js/crypto/meta.js';
import { Opener } from '../../static/js/crypto/opener.js';
import { buildHead } from '../../static/js/crypto/records.js';
import { begin, Sealer } from '../../static/js/crypto/sealer.js';
import {
  checkBundle,
  containerOf,
  dice,
  inspectWhole,
  openWhole,
  payloadOf,
  plainOf,
  sealBody,
  sealWhole,
  vectors,
  verifyWhole,
  withRandom,
} from './support.js';

/** @import { Bytes } from '../../static/js/crypto/bytes.js' */

/** @type {any[]} */
const cases = vectors('containers').cases;
const byName = new Map(cases.map((one) => [one.name, one]));
const tamper = vectors('tamper');

/** @param {string} name  @returns {any} */
function known(name) {
  return byName.get(name);
}

/** @param {string | null} name  @returns {any} the error class of that name */
function errorNamed(name) {
  return Object.entries(errors).find(([key]) => key === name)?.[1];
}

describe('containers of the vectors', () => {
  for (const one of cases) {
    it(`${one.name} opens to the same files`, async () => {
      const raw = one.container_base64url ? containerOf(one) : await reseal(one);
      const { header, records, rows, contentId } = await inspectWhole(raw, fromHex(one.content_id));
      assert.equal(toHex(header.core), one.core);
      assert.equal(header.totalSize, one.total_bytes);
      assert.equal(header.segmentCount, one.segments);
      assert.equal(records.hint, JSON.parse(one.hint_text).u);
      assert.deepEqual(records.wraps.map(toHex), [one.w]);
      assert.equal(toHex(contentId), one.content_id);
      assert.equal(
        toHex(rows),
        one.segment_hashes
          .map((/** @type {string} */ hash, /** @type {number} */ at) => hash + one.kcs[at])
          .join(''),
      );

      const secrets = { release: fromHex(one.s), link: fromHex(one.l) };
      const payload = await openWhole(raw, { secrets });

      const { v, ...meta } = JSON.parse(one.meta_text);
      assert.equal(v, 1);
      const opened = await openMeta(/** @type {Bytes} */ (records.metaLink), secrets.link, header);
      assert.deepEqual(opened, meta);
      assertFiles(one, payload);
    });

    it(`${one.name} is sealed to the same bytes`, async () => {
      const digest = new StreamDigest();
      digest.update(await reseal(one));
      assert.equal(digest.hex(), one.container_sha256);
    });
  }

  it('are refused without the switch if their segments are small', async () => {
    const { parseHeader } = await import('../../static/js/crypto/header.js');
    assert.throws(() => parseHeader(containerOf(known('empty'))), errors.UnsupportedVersion);
  });
});

/**
 * Seals a vector's payload anew, with the randomness that it names.
 * @param {any} one
 * @returns {Promise<Bytes>}
 */
async function reseal(one) {
  const [m, fileId, link] = [fromHex(one.m), fromHex(one.file_id), fromHex(one.l)];
  const payload = payloadOf(one);
  const fields = { payloadSize: payload.length, isBundle: one.is_bundle, fileId };
  const draws = [one.floe_iv, one.wrap_iv, one.meta_iv, ...one.gcm_ivs];
  return withRandom(draws, async () => {
    const header = begin(m, { ...fields, segmentLog2: one.seg_log2 });
    const wraps = [await wrap(m, { release: fromHex(one.s), link, header })];
    const metaLink = await sealMeta(JSON.parse(one.meta_text), link, header);
    const head = buildHead(header, { hint: JSON.parse(one.hint_text).u, wraps, metaLink });
    const { body, rows } = await sealBody(header, new Sealer(header, m), payload, 1);
    return concat(head, body, buildIndex(header, rows, await rootOf(header, rows)));
  });
}

/**
 * @param {any} one
 * @param {Bytes} payload
 */
function assertFiles(one, payload) {
  if (!one.is_bundle) {
    const digest = new StreamDigest();
    digest.update(payload);
    assert.equal(payload.length, one.files[0].size);
    assert.equal(digest.hex(), one.files[0].sha256);
    return;
  }
  const entries = checkBundle(payload);
  assert.deepEqual(
    entries.map(({ path, size, type, sha256 }) => ({ path, size, type, sha256 })),
    one.files.map((/** @type {any} */ { path, size, type, sha256 }) => ({
      path,
      size,
      type,
      sha256,
    })),
  );
  assert.equal(payloadSizeOf(entries), payload.length);
  const filesSize = entries.reduce((sum, entry) => sum + entry.size, 0);
  assert.deepEqual(payload.slice(filesSize), buildDirectory(entries));
}

describe('a spoilt container', () => {
  for (const one of tamper.cases) {
    it(`${one.name}: ${one.open ?? 'opens'}`, async () => {
      const vector = known(one.vector);
      const raw = one.ops.reduce(apply, containerOf(vector));
      const opening = openingOf(vector, one.with ?? {});
      await expect(openWhole(raw, opening), one.open, one.segment);
      await expect(verifyWhole(raw), one.verify, one.verify ? one.segment : undefined);
    });
  }
});

/**
 * @param {Promise<unknown>} outcome
 * @param {string | null} name
 * @param {number} [segment]
 */
async function expect(outcome, name, segment) {
  if (name === null) {
    await outcome;
    return;
  }
  await assert.rejects(outcome, (/** @type {any} */ error) => {
    assert.equal(error.name, name, error.stack);
    assert.ok(error instanceof errorNamed(name));
    assert.ok(error.code && error.hint);
    if (segment !== undefined) assert.equal(error.segment, segment);
    return true;
  });
}

/**
 * @param {any} vector
 * @param {any} given
 */
function openingOf(vector, given) {
  const own = { s: vector.s, l: vector.l, meta_l: vector.l };
  /** @param {'s' | 'l' | 'meta_l'} name */
  const value = (name) => fromHex(given[name] === 'own' ? own[name] : given[name]);
  return {
    key: fromHex(given.m ?? vector.m),
    secrets: given.s ? { release: value('s'), link: value('l') } : undefined,
    metaLink: given.meta_l ? value('meta_l') : undefined,
    contentId: given.content_id ? fromHex(given.content_id) : undefined,
  };
}

/**
 * @param {Bytes} raw
 * @param {any} op
 * @returns {Bytes}
 */
function apply(raw, op) {
  if (op.op === 'truncate') return raw.slice(0, op.size);
  if (op.op === 'append') return concat(raw, fromHex(op.bytes));
  if (op.op === 'remove') {
    return concat(raw.subarray(0, op.offset), raw.subarray(op.offset + op.size));
  }
  const spoilt = raw.slice();
  if (op.op === 'set') spoilt.set(fromHex(op.bytes), op.offset);
  else if (op.op === 'flip') spoilt[op.offset] = (spoilt[op.offset] ?? 0) ^ (1 << op.bit);
  else throw new Error(`unknown op ${op.op}`);
  return spoilt;
}

describe('a directory', () => {
  for (const { name, text, payload_bytes: payloadSize, expect: expected } of tamper.directories) {
    it(`with ${name}: ${expected ?? 'is read'}`, () => {
      const parse = () => parseDirectory(utf8(text), payloadSize);
      if (expected === null) assert.ok(parse().length > 0);
      else assert.throws(parse, errorNamed(expected));
    });
  }
});

describe('the core header', () => {
  it('refuses each of its 1024 bits flipped', async () => {
    const one = known('five-segments');
    const raw = containerOf(one);
    const key = fromHex(one.m);
    for (let bit = 0; bit < 1024; bit += 1) {
      const flipped = raw.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await assert.rejects(openWhole(flipped, { key }), errors.KimError, `bit ${bit}`);
    }
  });

  it('counts segments exactly around the boundary', () => {
    assert.deepEqual(
      [0, 1, 262111, 262112, 262113].map((size) => segmentCountOf(size)),
      [1, 1, 1, 1, 2],
    );
    assert.equal(segmentCountOf(2 ** 53 - 1), Math.ceil((2 ** 53 - 1) / 262112));
  });
});

describe('sealing and opening', () => {
  const root = new Uint8Array(32).fill(7);

  it('gives back what went in, for sizes and orders drawn at random', async (test) => {
    const die = dice();
    test.diagnostic(`KIM_TEST_SEED=${die.seed}`);
    for (let round = 0; round < 40; round += 1) {
      const payload = die.bytes(die.below(5) === 0 ? 4064 * die.below(8) : die.below(40000));
      const fileId = die.bytes(16);
      const key = contentKey(root, fileId);
      const { header, raw } = await sealWhole(payload, { root, key, fileId });
      assert.equal(raw.length, header.totalSize);
      assert.deepEqual(await openWhole(raw, { key }), payload);
      await assertRange(die, { header, raw, key, payload });
      await assertFlip(die, { header, raw, key });
    }
  });

  /**
   * Any stretch of segments opens on its own, also in the buffer it came in.
   * @param {ReturnType<typeof dice>} die
   * @param {any} made
   */
  async function assertRange(die, { header, raw, key, payload }) {
    const first = die.below(header.segmentCount);
    const count = 1 + die.below(header.segmentCount - first);
    const rows = await (await inspectWhole(raw)).rows.slice(64 * first, 64 * (first + count));
    const offset = header.segmentOffset(first);
    const stored = raw.slice(offset, offset + header.storedSizeOfRange(first, count));
    const size = await new Opener(header, key).open(first, stored, rows, stored);
    const start = first * header.plainSize;
    assert.deepEqual(stored.slice(0, size), payload.slice(start, start + size));
    assert.equal(size, header.plainSizeOfRange(first, count));
  }

  /**
   * @param {ReturnType<typeof dice>} die
   * @param {any} made
   */
  async function assertFlip(die, { header, raw, key }) {
    const spoilt = raw.slice();
    const offset = header.headerSize + die.below(header.bodySize);
    spoilt[offset] ^= 1 << die.below(8);
    const segment = Math.floor((offset - header.headerSize) / header.segmentSize);
    await expect(openWhole(spoilt, { key }), 'Damaged', segment);
  }

  it('keeps a bundle’s files apart', async () => {
    const files = [utf8('one'), new Uint8Array(0), dice(1).bytes(9000)];
    const entries = files.map((file, at) => {
      const digest = new StreamDigest();
      digest.update(file);
      return { path: `ordner/${at}.bin`, size: file.length, type: '', sha256: digest.hex() };
    });
    const payload = concat(...files, buildDirectory(entries));
    const fileId = new Uint8Array(16).fill(1);
    const key = contentKey(root, fileId);
    const { raw } = await sealWhole(payload, { root, key, fileId, isBundle: true });
    const opened = checkBundle(await openWhole(raw, { key }));
    assert.deepEqual(
      opened.map((entry) => entry.offset),
      [0, 3, 3],
    );
    assert.equal(payloadSizeOf(entries), payload.length);
  });

  it('names a machine that miscalculates', async () => {
    const fileId = new Uint8Array(16);
    const key = contentKey(root, fileId);
    const header = begin(key, { payloadSize: 5000, isBundle: false, fileId, segmentLog2: 12 });
    const original = crypto.subtle.encrypt;
    /** @param {Parameters<typeof original>} call */
    const faulty = async (...call) => {
      const sealed = await original.apply(crypto.subtle, call);
      new Uint8Array(sealed).fill(0, 100, 101);
      return sealed;
    };
    Object.defineProperty(crypto.subtle, 'encrypt', { value: faulty, configurable: true });
    try {
      const out = new Uint8Array(header.bodySize);
      const sealing = new Sealer(header, key).seal(
        0,
        2,
        plainOf(header, new Uint8Array(5000), 0),
        out,
      );
      await assert.rejects(sealing, errors.Damaged);
    } finally {
      Object.defineProperty(crypto.subtle, 'encrypt', { value: original, configurable: true });
    }
  });

  it('refuses a sealer or an opener with another M', () => {
    const header = begin(new Uint8Array(32), {
      payloadSize: 1,
      isBundle: false,
      fileId: new Uint8Array(16),
    });
    const other = new Uint8Array(32).fill(1);
    assert.throws(() => new Sealer(header, other), errors.WrongKey);
    assert.throws(() => new Opener(header, other), errors.WrongKey);
  });

  it('wraps for a new generation without touching what is sold', async () => {
    const one = known('five-segments');
    const { header, records, contentId } = await inspectWhole(containerOf(one));
    const [r, fileId] = [fromHex(one.root), fromHex(one.file_id)];
    const secrets = { release: releaseSecret(r, fileId, 1), link: linkSecret(r, fileId, 1) };
    const wrapped = await wrap(fromHex(one.m), { ...secrets, header });
    const head = buildHead(header, { ...records, wraps: [wrapped] });
    const raw = concat(head, containerOf(one).subarray(header.headerSize));
    assert.deepEqual((await inspectWhole(raw)).contentId, contentId);
    assert.equal((await openWhole(raw, { secrets })).length, header.payloadSize);
  });
});

it('base64url of the vectors is read as written', () => {
  assert.equal(fromBase64url(known('one-byte').files[0].data_base64url).length, 1);
});
