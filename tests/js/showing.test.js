import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, random } from '../../static/js/crypto/bytes.js';
import { Damaged, Forged, Truncated } from '../../static/js/crypto/errors.js';
import {
  auditCount,
  auditSegments,
  checkKeys,
  entriesFor,
  openShown,
  parseEntries,
} from '../../static/js/crypto/showing.js';
import { indexOf } from '../../static/js/io/boxes.js';
import { Sampled, SampleEnds } from '../../static/js/io/sampled.js';
import { inspectWhole, sealWhole, vectors } from './support.js';

const known = vectors('audit');
const ROOM = 2 ** 12 - 32;

const [root, key, fileId] = [random(32), random(32), random(16)];
const payload = new Uint8Array(5 * ROOM + 100).map((_, at) => at % 251);
const { raw } = await sealWhole(payload, { root, key, fileId, segmentLog2: 12 });
const { header, rows } = await inspectWhole(raw);
const keys = parseEntries(entriesFor(key, header, [0, 1, 2, 5]));

/** @param {number} segment  @param {number} [count] */
const stored = (segment, count = 1) =>
  raw.slice(
    header.segmentOffset(segment),
    header.segmentOffset(segment) + header.storedSizeOfRange(segment, count),
  );

/** @param {Uint8Array} bytes  @param {number} [step] */
function streamOf(bytes, step = 1000) {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += step) {
        controller.enqueue(bytes.slice(at, at + step));
      }
      controller.close();
    },
  });
}

/**
 * @param {(run: {first: number, count: number}, signal: AbortSignal, turn: number) =>
 *   Promise<ReadableStream>} fetch
 * @param {string[]} [others]  of further copies
 */
function sampled(fetch, others = []) {
  const runs = [
    { first: 0, count: 3, others },
    { first: 5, count: 1, others },
  ];
  const { signal } = new AbortController();
  return new Sampled({ header, rows, keys, runs, fetch, signal, stallMs: 300 });
}

describe('an audit', () => {
  for (const { content_id: id, nonce, segments, count, drawn } of known.draws) {
    it(`draws what the vectors say of ${segments} segments`, () => {
      assert.deepEqual(auditSegments(fromHex(id), fromHex(nonce), segments, count), drawn);
    });
  }

  it('opens one of a hundred, at most twenty, none of few', () => {
    for (const { segments, count } of known.counts) assert.equal(auditCount(segments), count);
    assert.equal(auditCount(3, 1), 1);
  });
});

describe('a shown key', () => {
  it('opens its own segment and no other', async () => {
    checkKeys(header, rows, keys);
    const [first, , , last] = keys;
    assert.ok(first && last);
    assert.deepEqual(await openShown(header, rows, first, stored(0)), payload.slice(0, ROOM));
    assert.deepEqual(await openShown(header, rows, last, stored(5)), payload.slice(5 * ROOM));
    await assert.rejects(openShown(header, rows, { ...first, segment: 1 }, stored(1)), Forged);
    await assert.rejects(openShown(header, rows, first, stored(1)), Damaged);
    assert.throws(() => checkKeys(header, rows, [{ ...first, segment: 6 }]), Damaged);
    assert.throws(() => checkKeys(header, rows, [{ ...first, segment: Infinity }]), Damaged);
    assert.throws(() => parseEntries(new Uint8Array(41)), Damaged);
  });
});

describe('a sample', () => {
  it('is read like the file, fetched once a run, and ends where its keys end', async () => {
    let fetches = 0;
    const piece = sampled(async ({ first, count }) => {
      fetches += 1;
      return streamOf(stored(first, count));
    });
    assert.equal(piece.startSize, 3 * ROOM);
    assert.deepEqual(await piece.start(), payload.slice(0, 3 * ROOM));
    const reader = piece.reader(3 * ROOM - 5, 4 * ROOM);
    const last = await reader.next();
    assert.deepEqual(new Uint8Array(last?.buffer ?? []), payload.slice(3 * ROOM - 5, 3 * ROOM));
    await assert.rejects(reader.next(), SampleEnds);
    const tail = await piece.reader(5 * ROOM + 10, 5 * ROOM + 19).next();
    assert.deepEqual(
      new Uint8Array(tail?.buffer ?? []),
      payload.slice(5 * ROOM + 10, 5 * ROOM + 20),
    );
    assert.equal(fetches, 2);
  });

  it('hands out nothing of an altered segment, and does not ask for it again', async () => {
    let fetches = 0;
    const piece = sampled(async ({ first, count }) => {
      fetches += 1;
      const bytes = stored(first, count);
      bytes[header.segmentSize + 50] = (bytes[header.segmentSize + 50] ?? 0) ^ 1;
      return streamOf(bytes);
    });
    const reader = piece.reader(0, 3 * ROOM - 1);
    assert.equal((await reader.next())?.size, ROOM);
    await assert.rejects(reader.next(), Damaged);
    assert.equal(fetches, 1);
  });

  it('goes on after a broken line, and gives up in the end', async () => {
    let fetches = 0;
    const piece = sampled(async ({ first, count }) => {
      fetches += 1;
      const bytes = stored(first, count);
      return streamOf(fetches === 1 ? bytes.slice(0, 5000) : bytes);
    });
    assert.deepEqual(await piece.start(), payload.slice(0, 3 * ROOM));
    assert.equal(fetches, 2);
    const cut = sampled(async () => streamOf(new Uint8Array(10)));
    await assert.rejects(cut.start(), Truncated);
    await assert.rejects(cut.start(), Truncated);
  });
});

describe('a sample of two copies', () => {
  /** @param {Uint8Array<ArrayBuffer>} bytes */
  const altered = (bytes) => {
    bytes[header.segmentSize + 50] = (bytes[header.segmentSize + 50] ?? 0) ^ 1;
    return streamOf(bytes);
  };
  /** @type {[string, (bytes: Uint8Array<ArrayBuffer>) => ReadableStream][]} */
  const moods = [
    ['serves other bytes', altered],
    ['breaks off', (bytes) => streamOf(bytes.slice(0, 5000))],
    ['says nothing', () => new ReadableStream()],
  ];
  for (const [what, answer] of moods) {
    it(`goes on at the second when the first ${what}, and stays there`, async () => {
      /** @type {number[]} */
      const asked = [];
      const piece = sampled(
        async ({ first, count }, _signal, turn) => {
          asked.push(turn % 2);
          const bytes = stored(first, count);
          return turn % 2 === 0 ? answer(bytes) : streamOf(bytes);
        },
        ['another'],
      );
      assert.deepEqual(await piece.start(), payload.slice(0, 3 * ROOM));
      await piece.reader(5 * ROOM, 5 * ROOM + 9).next();
      assert.deepEqual(asked, [0, 1, 1]);
    });
  }

  it('is refused where both serve other bytes, each asked once', async () => {
    let fetches = 0;
    const piece = sampled(
      async ({ first, count }) => {
        fetches += 1;
        return altered(stored(first, count));
      },
      ['another'],
    );
    await assert.rejects(piece.start(), Damaged);
    assert.equal(fetches, 2);
  });
});

describe('the index of a film', () => {
  /** @param {string} kind  @param {number} size */
  const box = (kind, size) => {
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(0, size);
    bytes.set(new TextEncoder().encode(kind), 4);
    return bytes;
  };

  it('is found at the end as at the beginning', async () => {
    const late = new Blob([box('ftyp', 24), box('mdat', 1000), box('moov', 300)]);
    assert.deepEqual(await indexOf(late), { from: 1024, to: 1324 });
    const early = new Blob([box('ftyp', 24), box('moov', 300), box('mdat', 1000)]);
    assert.deepEqual(await indexOf(early), { from: 24, to: 324 });
  });

  it('is not looked for for ever in what is no film', async () => {
    assert.equal(await indexOf(new Blob([new Uint8Array(4000)])), null);
    assert.equal(await indexOf(new Blob([])), null);
    assert.equal(await indexOf(new Blob(Array.from({ length: 500 }, () => box('free', 8)))), null);
  });
});
