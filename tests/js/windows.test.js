import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { inspect } from '../../static/js/crypto/container.js';
import { SEGMENT_OVERHEAD } from '../../static/js/crypto/header.js';
import { downloadHeaders, ranged } from '../../static/js/io/answers.js';
import { Windows } from '../../static/js/io/windows.js';
import { dice, sealWhole } from './support.js';
import { spawnOpen as spawn } from './threads.js';

/** @import { Bytes } from '../../static/js/crypto/bytes.js' */

const die = dice(91);
const key = die.bytes(32);
const PLAIN = 2 ** 18 - SEGMENT_OVERHEAD;
const WINDOW = 4 * PLAIN;
const payload = die.bytes(41 * WINDOW + 777);
const { header, raw: whole } = await sealWhole(payload, {
  root: die.bytes(32),
  key,
  fileId: die.bytes(16),
  segmentLog2: 18,
});
const { rows } = await inspect({
  head: whole.slice(0, header.headerSize),
  index: whole.slice(header.indexOffset),
  totalSize: whole.length,
});

/** @type {Windows[]} */
const opened = [];
after(() => opened.forEach((windows) => windows.close()));

/**
 * @param {(from: number, to: number, nth: number, signal: AbortSignal) => Promise<Bytes>} [read]
 */
function open(read = async (from, to) => whole.slice(from, to + 1)) {
  /** @type {number[]} numbers of windows, as they were fetched */
  const asked = [];
  const windows = new Windows({
    ...{ header, rows, contentKey: key, spawn, workers: 2 },
    pause: async () => undefined,
    read: async (from, to, signal) => {
      asked.push((from - header.headerSize) / (4 * header.segmentSize));
      const bytes = await read(from, to, asked.length - 1, signal);
      return /** @type {any} */ (new Blob([bytes]).stream());
    },
  });
  opened.push(windows);
  return { windows, asked };
}

describe('windows onto a sealed file', () => {
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [WINDOW - 1, WINDOW],
    [PLAIN - 3, PLAIN + 3],
    [5 * WINDOW + 17, 8 * WINDOW + 3],
    [payload.length - 1, payload.length - 1],
    [payload.length - 800, payload.length - 1],
  ]) {
    it(`give bytes ${from} to ${to}, and no others`, async () => {
      const { windows } = open();

      const got = await windows.bytes(/** @type {number} */ (from), /** @type {number} */ (to));

      assert.deepEqual(Buffer.from(got), Buffer.from(payload.slice(from, Number(to) + 1)));
    });
  }

  it('are fetched once, two ahead, and never beyond what is asked for', async () => {
    const { windows, asked } = open();
    const reader = windows.reader(0, 5 * WINDOW - 1);

    await reader.next();
    const first = [...asked];
    while (await reader.next());

    assert.deepEqual(first, [0, 1, 2]);
    assert.deepEqual(asked, [0, 1, 2, 3, 4]);
  });

  it('are kept up to 32 MiB; the one used longest ago goes first', async () => {
    const { windows, asked } = open();
    const look = (/** @type {number} */ at) => windows.bytes(at * WINDOW, at * WINDOW);
    for (let at = 0; at < 32; at += 1) await look(at);
    await look(0);
    await look(32);
    asked.length = 0;

    for (const at of [0, 2, 32, 1]) await look(at);

    assert.deepEqual(asked, [1]);
  });

  it('that nobody waits for any more are no longer fetched', async () => {
    /** @type {AbortSignal[]} */
    const signals = [];
    const { windows } = open((from, to, nth, signal) => {
      signals.push(signal);
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      );
    });
    const [one, other] = [windows.reader(0, 9 * WINDOW), windows.reader(WINDOW, WINDOW)];
    const pieces = [one.next(), other.next()];
    pieces.forEach((piece) => piece.catch(() => undefined));

    one.cancel();

    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, false, true],
    );
    await assert.rejects(/** @type {Promise<unknown>} */ (pieces[0]), { name: 'AbortError' });
    assert.equal(await one.next(), null);
    other.cancel();
    assert.equal(signals[1]?.aborted, true);
  });

  it('that were left blame no copy', async () => {
    /** @type {number[]} */
    const blamed = [];
    /** @type {Array<() => void>} */
    const begun = [];
    const windows = new Windows({
      ...{ header, rows, contentKey: key, spawn, workers: 1 },
      pause: async () => undefined,
      broke: (offset) => blamed.push(offset),
      read: async (_from, _to, signal) =>
        new ReadableStream({
          start(controller) {
            signal.addEventListener('abort', () => controller.error(signal.reason));
            begun.shift()?.();
          },
        }),
    });
    opened.push(windows);
    const reader = windows.reader(0, 9);
    await new Promise((resolve) => {
      begun.push(() => setTimeout(() => resolve(undefined)));
      reader.next().catch(() => undefined);
    });

    reader.cancel();
    await new Promise((resolve) => setTimeout(() => resolve(undefined)));

    assert.deepEqual(blamed, []);
  });

  it('with altered bytes are asked for again, and refused if nobody has the right ones', async () => {
    const altered = async (/** @type {number} */ from, /** @type {number} */ to) => {
      const bytes = whole.slice(from, to + 1);
      bytes.set([Number(bytes[100]) ^ 1], 100);
      return bytes;
    };
    const once = open(async (from, to, nth) =>
      nth === 0 ? altered(from, to) : whole.slice(from, to + 1),
    );
    const always = open(altered);

    assert.deepEqual(
      Buffer.from(await once.windows.bytes(3, 9)),
      Buffer.from(payload.slice(3, 10)),
    );
    await assert.rejects(always.windows.bytes(0, 0), { code: 'damaged' });
    assert.deepEqual(once.asked, [0, 0]);
    assert.deepEqual(always.asked, [0, 0, 0, 0]);
  });

  it('that come back cut are asked for again', async () => {
    const { windows, asked } = open(async (from, to, nth) =>
      whole.slice(from, nth < 2 ? to - 5 : to + 1),
    );

    assert.equal((await windows.bytes(7, 7))[0], payload[7]);
    assert.deepEqual(asked, [0, 0, 0]);
  });

  it('of another place in the file are refused', async () => {
    const { windows } = open(async (from, to) =>
      whole.slice(from + 4 * header.segmentSize, to + 1 + 4 * header.segmentSize),
    );

    await assert.rejects(windows.bytes(0, 0), { code: 'damaged' });
  });
});

describe('a range', () => {
  for (const [
    range,
    status,
    from,
    to,
  ] of /** @type {[string | null, number, number, number][]} */ ([
    ['bytes=0-', 206, 0, 999],
    ['bytes=0-1', 206, 0, 1],
    ['bytes=10-10', 206, 10, 10],
    ['bytes=990-5000', 206, 990, 999],
    ['bytes=-5', 206, 995, 999],
    ['bytes=-5000', 206, 0, 999],
    [null, 200, 0, 999],
    ['bytes=0-1,5-6', 200, 0, 999],
    ['lines=1-2', 200, 0, 999],
  ])) {
    it(`${range} is answered by ${status} with bytes ${from} to ${to}`, () => {
      const answer = ranged(range, 1000);

      assert.equal(answer.status, status);
      assert.deepEqual([answer.from, answer.to], [from, to]);
      assert.equal(answer.headers['Content-Length'], String(to - from + 1));
      assert.equal(answer.headers['Accept-Ranges'], 'bytes');
      assert.equal(
        answer.headers['Content-Range'],
        status === 206 ? `bytes ${from}-${to}/1000` : undefined,
      );
    });
  }

  for (const range of ['bytes=1000-', 'bytes=5-4', 'bytes=-0']) {
    it(`${range} cannot be met, and says how much there is`, () => {
      const { status, headers } = ranged(range, 1000);

      assert.equal(status, 416);
      assert.deepEqual(headers, { 'Content-Range': 'bytes */1000', 'Content-Length': '0' });
    });
  }
});

describe('the head of a download', () => {
  it('names the file exactly, and safely for those who read ASCII only', () => {
    const headers = downloadHeaders(`Nordlicht “ä” 'x' (1)*100%"\r\n.mp4`, 12);

    assert.equal(
      headers['Content-Disposition'],
      `attachment; filename="Nordlicht ___ 'x' (1)*100____.mp4"; filename*=UTF-8''` +
        'Nordlicht%20%E2%80%9C%C3%A4%E2%80%9D%20%27x%27%20%281%29%2A100%25%22%0D%0A.mp4',
    );
    assert.equal(headers['Content-Length'], '12');
    assert.equal(headers['Content-Type'], 'application/octet-stream');
    assert.equal(headers['X-Content-Type-Options'], 'nosniff');
    assert.match(String(headers['Content-Security-Policy']), /default-src 'none';.* sandbox$/);
  });

  it('survives half a letter', () => {
    assert.match(
      String(downloadHeaders('a\ud800b', 1)['Content-Disposition']),
      /UTF-8''a%EF%BF%BDb$/,
    );
  });
});
