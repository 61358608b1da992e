import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { concat } from '../../static/js/crypto/bytes.js';
import { inspect } from '../../static/js/crypto/container.js';
import { Header, SEGMENT_OVERHEAD } from '../../static/js/crypto/header.js';
import { Opener } from '../../static/js/crypto/opener.js';
import { buildHead } from '../../static/js/crypto/records.js';
import { begin } from '../../static/js/crypto/sealer.js';
import { Gate } from '../../static/js/io/gate.js';
import { partsOf } from '../../static/js/io/layout.js';
import { Payload } from '../../static/js/io/payload.js';
import { SealError, SealPool } from '../../static/js/io/pool.js';
import { Upload } from '../../static/js/io/upload.js';
import { dice } from './support.js';

/** @import { Bytes } from '../../static/js/crypto/bytes.js' */

const die = dice(41);
const key = die.bytes(32);
const SEGMENT = 2 ** 18;
const PLAIN = SEGMENT - SEGMENT_OVERHEAD;

/** @param {number} payloadSize */
function headerOf(payloadSize) {
  return begin(key, { payloadSize, isBundle: false, fileId: die.bytes(16) });
}

/** @type {Set<SealPool>} */
const pools = new Set();

afterEach(() => {
  for (const pool of pools) pool.close();
  pools.clear();
});

/** The browser's worker, on a thread of Node. */
function spawn() {
  const url = new URL('../../static/js/worker/seal.js', import.meta.url).href;
  const thread = new Worker(new URL('worker_shim.js', import.meta.url), { workerData: { url } });
  const worker = {
    /** @type {(event: {data: any}) => void} */
    onmessage: () => undefined,
    /** @type {(event: {message: string}) => void} */
    onerror: () => undefined,
    /** @param {unknown} message @param {ArrayBuffer[]} [transfer] */
    postMessage: (message, transfer) => thread.postMessage(message, transfer),
    terminate: () => void thread.terminate(),
  };
  thread.on('message', (data) => data.type !== 'loaded' && worker.onmessage({ data }));
  thread.on('error', (error) => worker.onerror({ message: String(error) }));
  return /** @type {any} */ (worker);
}

/** @param {Header} header @param {number} count */
function poolFor(header, count) {
  const pool = new SealPool(spawn, count, { core: header.core, contentKey: key });
  pools.add(pool);
  return pool;
}

/** An upload that nobody pauses, and that nothing of an earlier one is left of. */
function fresh() {
  return { gate: new Gate(), kept: new Map(), onPart: () => undefined };
}

/**
 * @param {XMLHttpRequestBodyInit} body
 * @returns {Promise<Bytes>} a copy: the buffer is used again for the next part
 */
async function bytesOf(body) {
  assert.ok(body instanceof Uint8Array || body instanceof Blob);
  const whole = body instanceof Blob ? body : new Blob([body.slice()]);
  return new Uint8Array(await whole.arrayBuffer());
}

/**
 * @param {Bytes} payload
 * @param {{partSize: number, slots?: number, workers?: number}} ways
 */
async function upload(payload, { partSize, slots = 3, workers = 2 }) {
  const header = headerOf(payload.length);
  const head = buildHead(header, { hint: null, wraps: [], metaLink: null });
  /** @type {Map<number, Bytes>} */
  const stored = new Map();
  /** @type {number[]} */
  const progress = [];
  const sending = new Upload({
    payload: new Payload([new Blob([payload])]),
    ...fresh(),
    header,
    head,
    partSize,
    pool: poolFor(header, workers),
    slots,
    signal: new AbortController().signal,
    onTrouble: () => undefined,
    onProgress: (bytes) => progress.push(bytes),
    send: async (number, body, watch) => {
      const bytes = await bytesOf(body);
      watch.onProgress(bytes.length / 2);
      stored.set(number, bytes);
      return null;
    },
  });
  const contentId = await sending.run();
  const ordered = [...stored].sort(([one], [other]) => one - other).map(([, bytes]) => bytes);
  return { header, head, contentId, parts: ordered, whole: concat(...ordered), progress };
}

/** @param {Bytes} whole @param {Bytes} expected */
async function opened(whole, expected) {
  const header = new Header(whole.slice(0, 128));
  const seen = await inspect(
    {
      head: whole.slice(0, header.headerSize),
      index: whole.slice(header.indexOffset),
      totalSize: whole.length,
    },
    { expected },
  );
  const out = new Uint8Array(header.payloadSize);
  const body = whole.slice(header.headerSize, header.indexOffset);
  await new Opener(header, key).open(0, body, seen.rows, out);
  return out;
}

describe('parts', () => {
  it('cover every byte once, in order, and are equal but for the last', () => {
    for (const size of [0, 1, PLAIN, PLAIN + 1, 31 * PLAIN, 31 * PLAIN + 1, 200 * PLAIN - 7]) {
      const header = headerOf(size);
      const partSize = 32 * SEGMENT;

      const parts = partsOf(header, partSize);

      assert.deepEqual(
        parts.map((part) => [part.number, part.start]),
        parts.map((_, at) => [at + 1, at * partSize]),
      );
      assert.ok(parts.slice(0, -1).every((part) => part.size === partSize));
      assert.equal(
        parts.reduce((sum, part) => sum + part.size, 0),
        header.totalSize,
      );
      assert.equal(
        parts.reduce((sum, part) => sum + part.segmentCount, 0),
        header.segmentCount,
      );
      assert.equal(
        parts.reduce((sum, part) => sum + part.indexSize, 0),
        header.indexSize,
      );
    }
  });

  it('spread an index that is larger than a part over the last of them', () => {
    const header = headerOf(6_000 * PLAIN);

    const withIndex = partsOf(header, SEGMENT).filter((part) => part.indexSize > 0);

    assert.deepEqual(
      withIndex.map((part) => [part.segmentCount, part.indexSize]),
      [
        [0, SEGMENT],
        [0, header.indexSize - SEGMENT],
      ],
    );
  });

  it('refuse a size that would cut a segment in two', () => {
    assert.throws(() => partsOf(headerOf(9 * PLAIN), 3 * SEGMENT + 1), RangeError);
  });
});

describe('an upload', () => {
  for (const size of [0, 1, PLAIN, 3 * PLAIN, 3 * PLAIN + 1, 11 * PLAIN + 5]) {
    it(`of ${size} bytes is stored whole and opens to the same bytes`, async () => {
      const payload = die.bytes(size);

      const { contentId, whole, header, progress } = await upload(payload, {
        partSize: 4 * SEGMENT,
      });

      assert.deepEqual(await opened(whole, contentId), payload);
      assert.equal(progress.at(-1), header.totalSize);
      assert.ok(progress.every((bytes) => bytes <= header.totalSize));
    });
  }

  it('ends with the failure of a part, and starts no other part after it', async () => {
    const header = headerOf(40 * PLAIN);
    /** @type {number[]} */
    const asked = [];
    const sending = new Upload({
      payload: new Payload([new Blob([die.bytes(40 * PLAIN)])]),
      ...fresh(),
      header,
      head: buildHead(header, { hint: null, wraps: [], metaLink: null }),
      partSize: 4 * SEGMENT,
      pool: poolFor(header, 1),
      slots: 1,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onTrouble: () => undefined,
      send: async (number) => {
        asked.push(number);
        if (number === 2) throw new Error('the store said no');
        return null;
      },
    });

    await assert.rejects(sending.run(), { message: 'the store said no' });

    assert.deepEqual(asked, [1, 2]);
  });

  it('ends with the reason it was cancelled for', async () => {
    const header = headerOf(20 * PLAIN);
    const stop = new AbortController();
    const sending = new Upload({
      payload: new Payload([new Blob([die.bytes(20 * PLAIN)])]),
      ...fresh(),
      header,
      head: buildHead(header, { hint: null, wraps: [], metaLink: null }),
      partSize: 4 * SEGMENT,
      pool: poolFor(header, 1),
      slots: 2,
      signal: stop.signal,
      onProgress: () => undefined,
      onTrouble: () => undefined,
      send: async (number, _, { signal }) => {
        if (number === 1) stop.abort(new Error('enough'));
        signal.throwIfAborted();
        return null;
      },
    });

    await assert.rejects(sending.run(), { message: 'enough' });
  });

  it('says that the file changed when its size no longer fits', async () => {
    const header = headerOf(5 * PLAIN);
    const sending = new Upload({
      payload: new Payload([new Blob([die.bytes(4 * PLAIN)])]),
      ...fresh(),
      header,
      head: buildHead(header, { hint: null, wraps: [], metaLink: null }),
      partSize: 4 * SEGMENT,
      pool: poolFor(header, 1),
      slots: 1,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onTrouble: () => undefined,
      send: async () => null,
    });

    await assert.rejects(sending.run(), (error) => {
      assert.ok(error instanceof SealError);
      assert.equal(error.code, 'unreadable');
      return true;
    });
  });
});
