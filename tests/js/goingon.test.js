import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { concat } from '../../static/js/crypto/bytes.js';
import { buildDirectory, payloadSizeOf } from '../../static/js/crypto/directory.js';
import { buildHead } from '../../static/js/crypto/records.js';
import { begin } from '../../static/js/crypto/sealer.js';
import { Gate } from '../../static/js/io/gate.js';
import { partsOf } from '../../static/js/io/layout.js';
import { Marker } from '../../static/js/io/marks.js';
import { Payload } from '../../static/js/io/payload.js';
import { SealPool } from '../../static/js/io/pool.js';
import { reconcile } from '../../static/js/io/reconciling.js';
import { Upload } from '../../static/js/io/upload.js';
import { checkBundle, dice, openWhole } from './support.js';
import { spawnMark, spawnSeal } from './threads.js';

/**
 * @import { Bytes } from '../../static/js/crypto/bytes.js'
 * @import { Header } from '../../static/js/crypto/header.js'
 */

const die = dice(53);
const key = die.bytes(32);
const SEGMENT = 2 ** 18;
const PLAIN = SEGMENT - 32;
const PART = 4 * SEGMENT;
const MIB = 2 ** 20;

/** @type {Array<{close: () => void}>} */
const open = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A store, and what a browser remembers of it. */
class Place {
  /** @type {Map<number, Bytes>} */
  stored = new Map();
  /** @type {Map<number, {uploadId: string, number: number, size: number, rows: Bytes, etag: string | null}>} */
  known = new Map();

  get listed() {
    return [...this.stored].map(([number, bytes]) => ({
      ...{ number, size_bytes: bytes.length },
      etag: etagOf(bytes),
    }));
  }

  get whole() {
    const ordered = [...this.stored].sort(([one], [other]) => one - other);
    return concat(...ordered.map(([, bytes]) => bytes));
  }
}

/** @param {Bytes} bytes */
function etagOf(bytes) {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

/**
 * One visit: sends what is missing, and dies where `until` says so.
 * @param {Place} place
 * @param {{header: Header, payload: Payload, slots?: number}} what
 * @param {(number: number) => 'whole' | 'unheard' | 'never'} until  per part: acknowledged; stored, but
 *   the page died before it heard; not sent
 */
async function visit(place, { header, payload, slots = 3 }, until = () => 'whole') {
  const head = buildHead(header, { hint: null, wraps: [], metaLink: null });
  const parts = partsOf(header, PART);
  const kept = reconcile(parts, place.listed, [...place.known.values()]);
  for (const { number } of parts) if (!kept.has(number)) place.known.delete(number);
  const pool = new SealPool(spawnSeal, 1, { core: header.core, contentKey: key });
  open.push(pool);
  /** @type {number[]} */
  const sent = [];
  const upload = new Upload({
    ...{ payload, header, head, partSize: PART, pool, slots, kept, gate: new Gate() },
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onTrouble: () => undefined,
    onPart: ({ number, size }, rows, etag) =>
      place.known.set(number, { uploadId: 'u', number, size, rows, etag }),
    send: async (number, body) => {
      const bytes = new Uint8Array(await new Blob([/** @type {any} */ (body)]).arrayBuffer());
      const fate = until(number);
      if (fate !== 'never') {
        sent.push(number);
        place.stored.set(number, bytes);
      }
      if (fate !== 'whole') throw new Error('the tab dies');
      return etagOf(bytes);
    },
  });
  const contentId = await upload.run().catch(() => null);
  return { contentId, sent };
}

/** @param {number} size */
function single(size) {
  const bytes = die.bytes(size);
  const header = begin(key, { payloadSize: size, isBundle: false, fileId: die.bytes(16) });
  return { bytes, what: { header, payload: new Payload([new Blob([bytes])]) } };
}

describe('an upload that died', () => {
  it('sends again only what nobody acknowledged, and opens to the same bytes', async () => {
    const { bytes, what } = single(17 * PLAIN + 99);
    const place = new Place();
    const slowly = { ...what, slots: 1 };
    const first = await visit(place, slowly, (number) => (number < 3 ? 'whole' : 'unheard'));
    assert.equal(first.contentId, null);
    const acknowledged = [...place.known.keys()];
    assert.deepEqual(acknowledged, [1, 2]);

    const { contentId, sent } = await visit(place, what);

    assert.deepEqual([...acknowledged, ...sent.sort((one, other) => one - other)], [1, 2, 3, 4, 5]);
    assert.ok(contentId);
    assert.deepEqual(await openWhole(place.whole, { key, contentId }), bytes);
  });

  it('makes the index anew when a part that it speaks of is sealed anew', async () => {
    const { bytes, what } = single(11 * PLAIN);
    const place = new Place();
    await visit(place, what);
    place.stored.delete(2); // the store lost one, though it had acknowledged it

    const { contentId, sent } = await visit(place, what);

    assert.deepEqual(sent.sort(), [2, 4]);
    assert.ok(contentId);
    assert.deepEqual(await openWhole(place.whole, { key, contentId }), bytes);
  });

  it('believes no part whose bytes were replaced behind its back', async () => {
    const { bytes, what } = single(11 * PLAIN);
    const place = new Place();
    await visit(place, what);
    place.stored.set(1, die.bytes(PART));

    const { contentId, sent } = await visit(place, what);

    assert.deepEqual(sent.sort(), [1, 4]);
    assert.ok(contentId);
    assert.deepEqual(await openWhole(place.whole, { key, contentId }), bytes);
  });

  it('has nothing to send where everything was acknowledged', async () => {
    const { bytes, what } = single(11 * PLAIN);
    const place = new Place();
    const first = await visit(place, what);

    const again = await visit(place, what);

    assert.deepEqual(again, { contentId: first.contentId, sent: [] });
    assert.ok(first.contentId);
    assert.deepEqual(await openWhole(place.whole, { key, contentId: first.contentId }), bytes);
  });

  it('survives dying again and again, at any part', async () => {
    const { bytes, what } = single(19 * PLAIN + 1);
    const place = new Place();
    const fates = /** @type {const} */ (['whole', 'unheard', 'never']);
    for (let visits = 0; visits < 5; visits += 1) {
      await visit(place, what, () => fates[die.below(3)] ?? 'whole');
    }

    const { contentId } = await visit(place, what);

    assert.ok(contentId);
    assert.deepEqual(await openWhole(place.whole, { key, contentId }), bytes);
  });
});

describe('a fingerprint worker', () => {
  it('samples first, middle and last MiB, and hashes the whole where it is asked', async () => {
    const marker = new Marker(spawnMark());
    open.push(marker);
    for (const size of [0, 1, 3 * MIB, 3 * MIB + 1, 9 * MIB + 5]) {
      const bytes = new Uint8Array(size).map((_, at) => (at * 31 + (at >> 12)) & 0xff);
      const middle = Math.floor((size - MIB) / 2);
      const sampled =
        size <= 3 * MIB
          ? bytes
          : concat(bytes.slice(0, MIB), bytes.slice(middle, middle + MIB), bytes.slice(-MIB));

      const mark = await marker.mark(new Blob([bytes]), { isWhole: true });
      const quick = await marker.mark(new Blob([bytes]), { isWhole: false });

      assert.deepEqual(mark, { sample: sha256(sampled), sha256: sha256(bytes) });
      assert.deepEqual(quick, { sample: sha256(sampled), sha256: null });
    }
  });

  it('tells those who wait that it was stopped', async () => {
    const marker = new Marker(spawnMark());
    const waiting = marker.mark(new Blob(['x']), { isWhole: false });

    marker.close();

    await assert.rejects(waiting, { code: 'closed' });
  });
});

/** @param {Bytes} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a bundle', () => {
  it('waits with its directory for the hashes, and is what every reader reads', async () => {
    const names = ['0 leer', 'a/b/ö.txt', '雪/🙂.bin', 'שלום\u200f.txt'];
    const contents = [0, 5, 6 * PLAIN + 3, 77].map((size) => die.bytes(size));
    const files = names.map((path, at) => ({ path, size: contents[at]?.length ?? 0, type: '' }));
    const payloadSize = payloadSizeOf(files);
    const header = begin(key, { payloadSize, isBundle: true, fileId: die.bytes(16) });
    /** @type {(bytes: Bytes) => void} */
    let tell = () => undefined;
    /** @type {Promise<Bytes>} */
    const directory = new Promise((resolve) => (tell = resolve));
    const size = payloadSize - contents.reduce((sum, { length }) => sum + length, 0);
    const payload = new Payload(
      contents.map((bytes) => new Blob([bytes])),
      { size, bytes: () => directory },
    );
    const place = new Place();
    const sending = visit(place, { header, payload });
    const known = files.map((file, at) => ({
      ...file,
      sha256: sha256(contents[at] ?? new Uint8Array()),
    }));
    setImmediate(() => tell(buildDirectory(known)));

    const { contentId } = await sending;

    assert.ok(contentId);
    const opened = await openWhole(place.whole, { key, contentId });
    assert.deepEqual(
      checkBundle(opened).map(({ path, offset, size: bytes }) => ({ path, bytes, offset })),
      files.map(({ path, size: bytes }, at) => ({
        ...{ path, bytes },
        offset: files.slice(0, at).reduce((sum, file) => sum + file.size, 0),
      })),
    );
  });
});
