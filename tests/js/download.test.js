import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { inspect } from '../../static/js/crypto/container.js';
import { SEGMENT_OVERHEAD } from '../../static/js/crypto/header.js';
import { Download } from '../../static/js/io/download.js';
import { choose, largest } from '../../static/js/io/sinks.js';
import { safeName } from '../../static/js/io/unlocking.js';
import { dice, sealWhole } from './support.js';

/**
 * @import { Bytes } from '../../static/js/crypto/bytes.js'
 * @import { Progress } from '../../static/js/io/download.js'
 */

const die = dice(77);
const key = die.bytes(32);
const SEGMENT = 2 ** 18;
const PLAIN = SEGMENT - SEGMENT_OVERHEAD;

/** The browser's worker, on a thread of Node. */
function spawn() {
  const url = new URL('../../static/js/worker/open.js', import.meta.url).href;
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

/** A place that remembers what was done to it. */
function place() {
  /** @type {Bytes[]} */
  const pieces = [];
  const fate = { finished: '', discarded: false, pieces };
  return {
    fate,
    /** @param {{buffer: ArrayBuffer, offset: number, size: number}} piece */
    async write({ buffer, offset, size }) {
      pieces.push(new Uint8Array(buffer.slice(offset, offset + size)));
      return buffer;
    },
    /** @param {string} name */
    async finish(name) {
      fate.finished = name;
    },
    async discard() {
      fate.discarded = true;
    },
  };
}

/**
 * @param {Bytes} bytes
 * @param {number} piece  bytes at a time, to fall between all borders
 */
function streamOf(bytes, piece = 100_003) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
      if (at >= bytes.length) controller.close();
    },
  });
}

/** @param {number} size */
async function sealed(size) {
  const payload = die.bytes(size);
  const { header, raw: whole } = await sealWhole(payload, {
    root: die.bytes(32),
    key,
    fileId: die.bytes(16),
    segmentLog2: 18,
  });
  const head = whole.slice(0, header.headerSize);
  const index = whole.slice(header.indexOffset);
  const seen = await inspect({ head, index, totalSize: whole.length });
  return { payload, whole, seen };
}

/**
 * @param {Awaited<ReturnType<typeof sealed>>} what
 * @param {(from: number, to: number, nth: number) => ReadableStream<Bytes> | Promise<never>} read
 * @param {AbortSignal} [signal]
 */
async function download({ seen }, read, signal = new AbortController().signal) {
  const sink = place();
  /** @type {[number, number][]} */
  const asked = [];
  /** @type {Progress[]} */
  const told = [];
  const running = new Download({
    ...{ header: seen.header, rows: seen.rows, contentKey: key, sink, spawn, workers: 2, signal },
    pause: async () => undefined,
    tell: (progress) => told.push(progress),
    read: async (from, to) => {
      asked.push([from, to]);
      return read(from, to, asked.length - 1);
    },
  });
  /** @type {any} */
  let error = null;
  const written = await running.run('aurora.bin').catch((reason) => {
    error = reason;
    return -1;
  });
  return { ...sink.fate, asked, told, written, error };
}

/** @param {Bytes} whole */
const honest = (whole) => (/** @type {number} */ from, /** @type {number} */ to) =>
  streamOf(whole.slice(from, to + 1));

describe('a download', () => {
  for (const size of [0, 1, PLAIN, 4 * PLAIN, 4 * PLAIN + 1, 23 * PLAIN + 17]) {
    it(`of ${size} bytes comes in one request and is finished once it is whole`, async () => {
      const what = await sealed(size);

      const done = await download(what, honest(what.whole));

      assert.equal(done.error, null);
      assert.deepEqual(Buffer.concat(done.pieces), Buffer.from(what.payload));
      assert.equal(done.written, size);
      assert.deepEqual(done.asked, [[SEGMENT, what.seen.header.indexOffset - 1]]);
      assert.equal(done.finished, 'aurora.bin');
      assert.equal(done.discarded, false);
      assert.equal(done.told.at(-1)?.done, size);
    });
  }

  it('that breaks off goes on with the group it broke in, however often', async () => {
    const what = await sealed(23 * PLAIN + 17);

    const done = await download(what, (from, to, nth) => {
      const end = nth < 3 ? from + 5 * SEGMENT + 7 : to + 1;
      return streamOf(what.whole.slice(from, end));
    });

    assert.equal(done.error, null);
    assert.deepEqual(Buffer.concat(done.pieces), Buffer.from(what.payload));
    const starts = done.asked.map(([from]) => (from - SEGMENT) / SEGMENT);
    assert.deepEqual(starts, [0, 4, 8, 12]);
  });

  it('asks once more for a damaged stretch, and takes the good one', async () => {
    const what = await sealed(9 * PLAIN);
    const bad = what.whole.slice();
    const at = SEGMENT + 5 * SEGMENT + 1_000;
    bad[at] = (bad[at] ?? 0) ^ 1;

    const done = await download(what, (from, to, nth) =>
      streamOf((nth === 0 ? bad : what.whole).slice(from, to + 1)),
    );

    assert.equal(done.error, null);
    assert.deepEqual(Buffer.concat(done.pieces), Buffer.from(what.payload));
    assert.deepEqual(done.asked.slice(1), [[5 * SEGMENT, 9 * SEGMENT - 1]]);
  });

  it('of a copy that stays damaged says so, and leaves nothing behind', async () => {
    const what = await sealed(9 * PLAIN);
    const at = SEGMENT + 5 * SEGMENT + 1_000;
    what.whole[at] = (what.whole[at] ?? 0) ^ 1;

    const done = await download(what, honest(what.whole));

    assert.equal(done.error.code, 'damaged');
    assert.equal(done.finished, '');
    assert.equal(done.discarded, true);
  });

  it('under another key ends at once and leaves nothing behind', async () => {
    const what = await sealed(9 * PLAIN);
    const rows = what.seen.rows.slice();
    rows[40] = (rows[40] ?? 0) ^ 1; // the key commitment of the first segment

    const done = await download({ ...what, seen: { ...what.seen, rows } }, honest(what.whole));

    assert.equal(done.error.code, 'forged');
    assert.equal(done.finished, '');
    assert.equal(done.discarded, true);
    assert.equal(done.pieces.length, 0);
  });

  it('that is cancelled stops and leaves nothing behind', async () => {
    const what = await sealed(23 * PLAIN);
    const stop = new AbortController();

    const done = await download(
      what,
      (from, to) => {
        const body = streamOf(what.whole.slice(from, to + 1));
        return body.pipeThrough(
          new TransformStream({
            transform(chunk, controller) {
              controller.enqueue(chunk);
              stop.abort(new DOMException('enough', 'AbortError'));
            },
          }),
        );
      },
      stop.signal,
    );

    assert.equal(done.error.message, 'enough');
    assert.equal(done.finished, '');
    assert.equal(done.discarded, true);
  });

  it('that cannot be read at all fails with the reason', async () => {
    const what = await sealed(PLAIN);

    const done = await download(what, () => Promise.reject(new Error('no copy is left')));

    assert.equal(done.error.message, 'no copy is left');
    assert.equal(done.discarded, true);
  });
});

describe('the place for a file', () => {
  const GB = 1e9;

  it('is the quiet one that has room, and the dialog for large files', () => {
    const all = {
      picker: true,
      diskBytes: 10 * GB,
      service: false,
      spillBytes: 0,
      memoryBytes: 0.5 * GB,
    };

    assert.equal(choose(all, 0.4 * GB), 'disk');
    assert.equal(choose(all, 3 * GB), 'picker');
    assert.equal(choose({ ...all, picker: false }, 3 * GB), 'disk');
    assert.equal(choose({ ...all, picker: false, diskBytes: 0 }, 0.4 * GB), 'memory');
    assert.equal(choose({ ...all, diskBytes: 0, memoryBytes: 0 }, 0.4 * GB), 'picker');
  });

  it('is nowhere if nothing is large enough, and the limit is known before', () => {
    const small = {
      picker: false,
      diskBytes: 2 * GB,
      service: false,
      spillBytes: 0,
      memoryBytes: 0.1 * GB,
    };

    assert.equal(choose(small, 2 * GB), null);
    assert.ok(largest(small) < 2 * GB);
    assert.equal(choose(small, Math.floor(largest(small))), 'disk');
    assert.equal(largest({ ...small, picker: true }), Infinity);
  });
});

describe('a name from somebody else', () => {
  for (const [given, safe] of [
    ['aurora.mp4', 'aurora.mp4'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['C:\\films\\a.mp4', 'C__films_a.mp4'],
    ['song\u202egnp.exe', 'song_gnp.exe'],
    ['CON.txt', '_CON.txt'],
    ['  . ', 'file'],
    ['', 'file'],
    ['line\nbreak.txt', 'line_break.txt'],
    ['été.flac', 'été.flac'.normalize('NFC')],
  ]) {
    it(`${JSON.stringify(given)} becomes ${JSON.stringify(safe)}`, () => {
      assert.equal(safeName(/** @type {string} */ (given)), safe);
    });
  }

  it('keeps its ending when it is cut', () => {
    const safe = safeName(`${'ø'.repeat(400)}.tar`);

    assert.ok(safe.endsWith('ø.tar'));
    assert.ok(new TextEncoder().encode(safe).length <= 200);
  });
});
