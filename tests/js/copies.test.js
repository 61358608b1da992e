import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { inspect } from '../../static/js/crypto/container.js';
import { SEGMENT_OVERHEAD } from '../../static/js/crypto/header.js';
import { Download } from '../../static/js/io/download.js';
import { ApiError } from '../../static/js/net/api.js';
import { read, ReadError } from '../../static/js/net/bytes.js';
import { Copies } from '../../static/js/net/copies.js';
import { isObjective } from '../../static/js/pages/saver.js';
import { dice, sealWhole } from './support.js';

/**
 * @import { Bytes } from '../../static/js/crypto/bytes.js'
 * @import { Fault } from '../../static/js/net/copies.js'
 * @import { Server, ServerResponse } from 'node:http'
 */

const die = dice(4711);
const key = die.bytes(32);
const SEGMENT = 2 ** 18;
const PLAIN = SEGMENT - SEGMENT_OVERHEAD;
const ERROR = '<?xml version="1.0"?><Error><Code>InternalError</Code></Error>';

/** @type {Host[]} */
const started = [];
after(() => started.forEach((host) => host.close()));

/** A real HTTP server with one object, in any mood. */
class Host {
  mood = 'honest';
  asked = 0;
  /** @type {Server} */
  server;
  #body;

  /** @param {Bytes} body @param {string} [mood] */
  constructor(body, mood = 'honest') {
    this.#body = body;
    this.mood = mood;
    this.server = createServer((request, answer) => {
      this.asked += 1;
      this.#answer(String(request.headers.range), answer);
    });
    started.push(this);
  }

  /** @returns {Promise<this>} */
  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', () => resolve(undefined)));
    return this;
  }

  get host() {
    const address = /** @type {import('node:net').AddressInfo} */ (this.server.address());
    return `127.0.0.1:${address.port}`;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** @param {string} range @param {ServerResponse} answer */
  #answer(range, answer) {
    const [, first = '', last = ''] = /bytes=(\d+)-(\d+)/.exec(range) ?? [];
    const [from, to] = [Number(first), Number(last)];
    /** @type {Record<string, number>} */
    const statuses = { forbidden: 403, gone: 404, broken: 500, slow_down: 503, error_in_200: 200 };
    const status = statuses[this.mood];
    if (this.mood === 'hanging') return;
    if (status) {
      answer.writeHead(status).end(ERROR);
      return;
    }
    const shift = this.mood === 'wrong_range' ? 1 : 0;
    const data = Buffer.from(this.#body.slice(from + shift, to + 1 + shift));
    const said = `bytes ${from + shift}-${to + shift}/${this.#body.length}`;
    answer.writeHead(206, { 'Content-Range': said, 'Content-Length': data.length });
    // A segment in the middle: the stream has begun well by then.
    const bad = 6 * SEGMENT + 100 - from;
    if (this.mood === 'altered' && bad >= 0 && bad < data.length) {
      data.writeUInt8(data.readUInt8(bad) ^ 1, bad);
    }
    if (this.mood === 'silent') answer.write(data.subarray(0, data.length / 2));
    else if (this.mood === 'truncated' || this.mood === 'dying') {
      answer.write(data.subarray(0, data.length / 2), () => {
        if (this.mood === 'dying') this.close();
        answer.destroy();
      });
    } else answer.end(data);
  }
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
  return { payload, whole, seen: await inspect({ head, index, totalSize: whole.length }) };
}

/** @param {Host[]} hosts @param {number} size */
function copiesOf(hosts, size) {
  /** @type {Fault[]} */
  const faults = [];
  const signed = { times: 0 };
  const copies = new Copies(
    async () => {
      signed.times += 1;
      const urls = hosts.map(({ host }, number) => ({
        copy: `copy-${number}`,
        url: `http://${host}/sealed?signature=${signed.times}`,
        bytes: size,
        etag: '',
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        is_lasting: false,
      }));
      return { urls };
    },
    (fault) => faults.push(fault),
  );
  return { copies, faults, signed };
}

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

/**
 * @param {Awaited<ReturnType<typeof sealed>>} what
 * @param {Copies} copies
 */
async function save({ seen }, copies) {
  /** @type {Bytes[]} */
  const pieces = [];
  const fate = { discarded: false };
  const running = new Download({
    ...{ header: seen.header, rows: seen.rows, contentKey: key, spawn, workers: 2 },
    signal: new AbortController().signal,
    sink: {
      async write({ buffer, offset, size }) {
        pieces.push(new Uint8Array(buffer.slice(offset, offset + size)));
        return buffer;
      },
      finish: async () => undefined,
      discard: async () => void (fate.discarded = true),
    },
    pause: async () => undefined,
    stallMs: () => 400,
    read: (from, to, signal) => copies.read(from, to, signal),
    distrust: (offset) => copies.distrust(offset),
    broke: (offset) => copies.broke(offset),
  });
  const error = await running.run('aurora.bin').then(
    () => null,
    (reason) => reason,
  );
  return { bytes: Buffer.concat(pieces), error, discarded: fate.discarded };
}

const what = await sealed(23 * PLAIN + 17);

describe('a save from two copies', () => {
  /** @type {[string, 'altered' | 'silent'][]} */
  const moods = [
    ['altered', 'altered'],
    ['dying', 'silent'],
    ['truncated', 'silent'],
    ['silent', 'silent'],
    ['error_in_200', 'silent'],
    ['gone', 'silent'],
    ['broken', 'silent'],
    ['slow_down', 'silent'],
    ['wrong_range', 'silent'],
    ['forbidden', 'silent'],
  ];
  for (const [mood, kind] of moods) {
    it(`goes on at the second when the first is ${mood}, and names it once`, async () => {
      const bad = await new Host(what.whole, mood).start();
      const good = await new Host(what.whole).start();
      const name = bad.host;
      const { copies, faults } = copiesOf([bad, good], what.whole.length);

      const done = await save(what, copies);

      assert.equal(done.error, null);
      assert.deepEqual(done.bytes, Buffer.from(what.payload));
      assert.deepEqual(
        faults.map((fault) => [fault.copy, fault.host, fault.kind]),
        [['copy-0', name, kind]],
      );
      assert.ok(bad.asked <= 3, `the bad copy was asked ${bad.asked} times`);
    });
  }

  it('leaves a copy of other bytes at once, and asks it last for ever after', async () => {
    const bad = await new Host(what.whole, 'altered').start();
    const good = await new Host(what.whole).start();
    const { copies } = copiesOf([bad, good], what.whole.length);
    await save(what, copies);
    const before = bad.asked;

    const again = await save(what, copies);

    assert.deepEqual(again.bytes, Buffer.from(what.payload));
    assert.equal(bad.asked, before);
  });

  it('ends with the failing step when both serve other bytes, and keeps nothing', async () => {
    const hosts = [
      await new Host(what.whole, 'altered').start(),
      await new Host(what.whole, 'altered').start(),
    ];
    const { copies, faults } = copiesOf(hosts, what.whole.length);

    const done = await save(what, copies);

    assert.equal(done.error.code, 'damaged');
    assert.equal(done.discarded, true);
    assert.deepEqual(
      faults.map(({ copy, kind }) => [copy, kind]),
      [
        ['copy-0', 'altered'],
        ['copy-1', 'altered'],
      ],
    );
  });
});

describe('a lone copy', () => {
  it('is signed anew once for a refusal, not for ever', async () => {
    const host = await new Host(what.whole, 'forbidden').start();
    const { copies, signed } = copiesOf([host], what.whole.length);
    const soon = AbortSignal.timeout(2_500);

    await assert.rejects(copies.read(0, 9, soon));

    assert.equal(signed.times, 2);
  });

  it('that refuses an old address is read under a new one', async () => {
    const host = await new Host(what.whole, 'forbidden').start();
    const { copies } = copiesOf([host], what.whole.length);
    host.server.once('request', () => (host.mood = 'honest'));

    const body = await copies.read(0, 9, AbortSignal.timeout(5_000));

    const data = new Uint8Array(await new Response(body).arrayBuffer());
    assert.deepEqual(data, what.whole.slice(0, 10));
  });

  it('gets more patience than one of several', async () => {
    const hosts = [await new Host(what.whole).start(), await new Host(what.whole).start()];
    const lone = copiesOf(hosts.slice(1), what.whole.length).copies;
    const several = copiesOf(hosts, what.whole.length).copies;
    await Promise.all([lone.fresh(), several.fresh()]);

    assert.equal(lone.stallMs, 90_000);
    assert.equal(several.stallMs, 15_000);
  });
});

describe('a copy that hangs', () => {
  it('is passed over after some seconds', async () => {
    const bad = await new Host(what.whole, 'hanging').start();
    const good = await new Host(what.whole).start();
    const { copies, faults } = copiesOf([bad, good], what.whole.length);

    const body = await copies.read(0, 99, AbortSignal.timeout(20_000));

    assert.equal((await new Response(body).arrayBuffer()).byteLength, 100);
    assert.deepEqual(
      faults.map(({ copy }) => copy),
      ['copy-0'],
    );
  });
});

describe('a signed stretch in two copies', () => {
  /** @param {Host[]} hosts */
  const stretch = (hosts) => {
    const [url = '', ...others] = hosts.map(({ host }) => `http://${host}/sealed`);
    return { url, others, headers: { Range: 'bytes=10-2009' }, bytes: 2000 };
  };
  for (const mood of ['gone', 'broken', 'slow_down', 'forbidden', 'truncated', 'error_in_200']) {
    it(`comes from the second when the first is ${mood}`, async () => {
      const bad = await new Host(what.whole, mood).start();
      const good = await new Host(what.whole).start();

      const bytes = await read(stretch([bad, good]), AbortSignal.timeout(5_000));

      assert.deepEqual(bytes, what.whole.slice(10, 2010));
      assert.deepEqual([bad.asked, good.asked], [1, 1]);
    });
  }

  it('is refused at once where both are gone', async () => {
    const hosts = [await new Host(what.whole, 'gone').start()];
    hosts.push(await new Host(what.whole, 'gone').start());

    await assert.rejects(read(stretch(hosts), AbortSignal.timeout(5_000)), ReadError);

    assert.deepEqual(
      hosts.map(({ asked }) => asked),
      [1, 1],
    );
  });
});

describe('what is told to the creator as a failure', () => {
  /** @param {string} code @param {number} status */
  const refusal = (code, status) => new ApiError({ code, status, message: '', hint: '' });
  it('is every copy damaged or gone, and none that cannot be reached', () => {
    assert.equal(isObjective(refusal('copies_damaged', 410)), true);
    assert.equal(isObjective(new ReadError('gone', 404)), true);
    assert.equal(isObjective(refusal('copy_unavailable', 503)), false);
    assert.equal(isObjective(refusal('network', 0)), false);
    for (const status of [0, 403, 429, 500, 503]) {
      assert.equal(isObjective(new ReadError('away', status)), false);
    }
  });
});
