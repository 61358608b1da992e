import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { toHex } from '../../static/js/crypto/bytes.js';
import { buildIndex, parseIndex, rootOf } from '../../static/js/crypto/index.js';
import { Opener } from '../../static/js/crypto/opener.js';
import { begin } from '../../static/js/crypto/sealer.js';
import { dice } from './support.js';

/** @type {Set<Worker>} */
const running = new Set();

afterEach(async () => {
  for (const worker of running) await worker.terminate();
  running.clear();
});

/** @param {string} name */
async function start(name) {
  const url = new URL(`../../static/js/worker/${name}.js`, import.meta.url).href;
  const worker = new Worker(new URL('worker_shim.js', import.meta.url), { workerData: { url } });
  running.add(worker);
  await once(worker, 'message');
  return worker;
}

/**
 * @param {Worker} worker
 * @param {object} message
 * @param {ArrayBuffer[]} [transfer]
 * @returns {Promise<any>}
 */
async function ask(worker, message, transfer = []) {
  const answer = once(worker, 'message');
  worker.postMessage(message, transfer);
  const [reply] = await answer;
  return reply;
}

const die = dice(2026);
const contentKey = die.bytes(32);
const PLAIN = 262112;
const PART = 8 * 2 ** 20;

describe('the seal worker', () => {
  it('fills part buffers that open again, and gives the buffer back', async () => {
    const payload = die.bytes(9 * PLAIN + 5);
    const header = begin(contentKey, {
      payloadSize: payload.length,
      isBundle: false,
      fileId: die.bytes(16),
    });
    const worker = await start('seal');
    assert.deepEqual(await ask(worker, { type: 'init', core: header.core, contentKey }), {
      type: 'ready',
    });

    const buffer = new ArrayBuffer(PART);
    const sources = [new Blob([payload.subarray(0, 1000)]), new Blob([payload.subarray(1000)])];
    const job = {
      type: 'seal',
      job: 7,
      first: 0,
      count: 10,
      sources,
      buffer,
      offset: header.headerSize,
    };
    const sealed = await ask(worker, job, [buffer]);

    assert.equal(buffer.byteLength, 0);
    assert.deepEqual(
      { ...sealed, buffer: sealed.buffer.byteLength, rows: sealed.rows.length },
      {
        type: 'sealed',
        job: 7,
        first: 0,
        count: 10,
        buffer: PART,
        offset: header.headerSize,
        size: header.bodySize,
        rows: 640,
      },
    );
    const root = await rootOf(header, sealed.rows);
    const { rows } = await parseIndex(header, buildIndex(header, sealed.rows, root));
    const out = new Uint8Array(payload.length);
    const stored = new Uint8Array(sealed.buffer, header.headerSize, sealed.size);
    await new Opener(header, contentKey).open(0, stored, rows, out);
    assert.deepEqual(out, payload);
  });

  it('seals the middle of a file, and an empty one', async () => {
    const payload = die.bytes(6 * PLAIN);
    const header = begin(contentKey, {
      payloadSize: payload.length,
      isBundle: false,
      fileId: die.bytes(16),
    });
    const worker = await start('seal');
    await ask(worker, { type: 'init', core: header.core, contentKey });
    const sources = [new Blob([payload.subarray(2 * PLAIN, 5 * PLAIN)])];
    const { rows, buffer, size } = await ask(worker, {
      type: 'seal',
      job: 1,
      first: 2,
      count: 3,
      sources,
      buffer: new ArrayBuffer(3 * 2 ** 18),
      offset: 0,
    });
    const out = new Uint8Array(3 * PLAIN);
    await new Opener(header, contentKey).open(2, new Uint8Array(buffer, 0, size), rows, out);
    assert.deepEqual(out, payload.slice(2 * PLAIN, 5 * PLAIN));

    const empty = begin(contentKey, { payloadSize: 0, isBundle: false, fileId: die.bytes(16) });
    await ask(worker, { type: 'init', core: empty.core, contentKey });
    const nothing = await ask(worker, {
      type: 'seal',
      job: 2,
      first: 0,
      count: 1,
      sources: [],
      buffer: new ArrayBuffer(64),
      offset: 32,
    });
    assert.equal(nothing.size, 32);
    assert.equal(
      await new Opener(empty, contentKey).open(
        0,
        new Uint8Array(nothing.buffer, 32, 32),
        nothing.rows,
        new Uint8Array(0),
      ),
      0,
    );
  });

  it('says what is wrong, and gives the buffer back all the same', async () => {
    const header = begin(contentKey, {
      payloadSize: PLAIN,
      isBundle: false,
      fileId: die.bytes(16),
    });
    const worker = await start('seal');
    const wrong = await ask(worker, { type: 'init', core: header.core, contentKey: die.bytes(32) });
    assert.deepEqual([wrong.type, wrong.job, wrong.code], ['failed', null, 'wrong_key']);

    await ask(worker, { type: 'init', core: header.core, contentKey });
    const job = {
      type: 'seal',
      job: 3,
      first: 0,
      count: 1,
      sources: [new Blob(['short'])],
      buffer: new ArrayBuffer(2 ** 18),
      offset: 0,
    };
    const failed = await ask(worker, job);
    assert.deepEqual([failed.type, failed.job, failed.code], ['failed', 3, 'unreadable']);
    assert.equal(failed.buffer.byteLength, 2 ** 18);
  });
});

describe('the open worker', () => {
  it('opens in place, and names a damaged segment', async () => {
    const payload = die.bytes(5 * PLAIN - 9);
    const header = begin(contentKey, {
      payloadSize: payload.length,
      isBundle: false,
      fileId: die.bytes(16),
    });
    const sealing = await start('seal');
    await ask(sealing, { type: 'init', core: header.core, contentKey });
    const { buffer, rows, size } = await ask(sealing, {
      type: 'seal',
      job: 1,
      first: 0,
      count: 5,
      sources: [new Blob([payload])],
      buffer: new ArrayBuffer(5 * 2 ** 18 + 16),
      offset: 16,
    });
    const worker = await start('open');
    await ask(worker, { type: 'init', core: header.core, contentKey });

    const copy = buffer.slice(0);
    const opened = await ask(
      worker,
      { type: 'open', job: 4, first: 0, count: 5, rows, buffer, offset: 16, size },
      [buffer],
    );
    assert.deepEqual([opened.type, opened.job, opened.size], ['opened', 4, payload.length]);
    assert.equal(Buffer.compare(new Uint8Array(opened.buffer, 16, opened.size), payload), 0);

    const view = new DataView(copy, 16 + 3 * 2 ** 18 + 500);
    view.setUint8(0, view.getUint8(0) ^ 1);
    const damaged = await ask(worker, {
      type: 'open',
      job: 5,
      first: 0,
      count: 5,
      rows,
      buffer: copy,
      offset: 16,
      size,
    });
    assert.deepEqual(
      [damaged.type, damaged.job, damaged.code, damaged.segment],
      ['failed', 5, 'damaged', 3],
    );
  });
});

describe('the kdf worker', () => {
  it('derives what another Argon2id derives', async () => {
    const worker = await start('kdf');
    const salt = new Uint8Array(16).fill(5);
    const job = {
      type: 'derive',
      job: 1,
      password: 'Größe',
      salt,
      memoryKib: 65536,
      passes: 3,
      scheme: 1,
    };
    const { proof, vaultKey } = await ask(worker, job);
    assert.equal(toHex(proof), ARGON2ID);
    assert.equal(vaultKey, null);
    // The same letters, typed on a system that composes them differently.
    const again = await ask(worker, { ...job, password: 'Gro\u0308\u00dfe' });
    assert.deepEqual(again.proof, proof);
  });

  it('refuses to be talked into less', async () => {
    const worker = await start('kdf');
    const job = {
      type: 'derive',
      job: 2,
      password: 'x',
      salt: new Uint8Array(16),
      memoryKib: 65536,
      passes: 3,
      scheme: 2,
    };
    for (const weaker of [
      { memoryKib: 65535 },
      { passes: 2 },
      { salt: new Uint8Array(8) },
      { passes: NaN },
      { memoryKib: 2 ** 21 },
      { scheme: 3 },
    ]) {
      assert.equal((await ask(worker, { ...job, ...weaker })).code, 'kdf_refused');
    }
  });
});

/** cryptography's Argon2id: 64 MiB, 3 passes, 1 lane, 32 bytes of "Größe" (NFC), salt 16 × 05. */
const ARGON2ID = '2a5231f7ac5b6ae678c820476ad5ce0f4ad12eca2d3f165418212cbc5ff69ce2';
