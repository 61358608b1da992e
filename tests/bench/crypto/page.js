/**
 * Drives the seal and open workers by itself and posts the figures: under a DevTools connection
 * they would be several times lower.
 * @module
 */

import { random } from '../../../static/js/crypto/bytes.js';
import { Floe } from '../../../static/js/crypto/floe.js';
import { rootOf } from '../../../static/js/crypto/index.js';
import { deriveKeyPair } from '../../../static/js/crypto/hpke.js';
import { begin } from '../../../static/js/crypto/sealer.js';

const MB = 1e6;
const PART_SEGMENTS = 32;
const PART_SIZE = PART_SEGMENTS * 2 ** 18;
const parameters = new URLSearchParams(location.search);
const payloadSize = Number(parameters.get('mib') ?? 256) * 2 ** 20;

const policy = /** @type {any} */ (window).trustedTypes.createPolicy('kim-url', {
  createScriptURL: (/** @type {string} */ name) => `/static/js/worker/${name}.js`,
});

/**
 * A worker asked one thing after another; answers are matched by `job`.
 * @param {'seal' | 'open'} name
 * @param {object} init
 */
async function start(name, init) {
  const worker = new Worker(policy.createScriptURL(name), { type: 'module' });
  /** @type {Map<number | null, (answer: any) => void>} */
  const waiting = new Map();
  worker.addEventListener('message', ({ data }) => waiting.get(data.job ?? null)?.(data));
  /** @param {any} message @param {Transferable[]} [transfer] */
  function ask(message, transfer = []) {
    return new Promise((resolve, reject) => {
      waiting.set(message.job ?? null, (answer) =>
        answer.type === 'failed'
          ? reject(new Error(`${answer.code}: ${answer.message}`))
          : resolve(answer),
      );
      worker.postMessage(message, transfer);
    });
  }
  await ask(init);
  return { ask, stop: () => worker.terminate() };
}

/**
 * A file on disk, as a person would drop it.
 * @param {number} size
 */
async function fileOf(size) {
  const piece = new Uint8Array(2 ** 20);
  for (let at = 0; at < piece.length; at += 65536) {
    crypto.getRandomValues(piece.subarray(at, at + 65536));
  }
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle('plain', { create: true });
  const writer = await handle.createWritable();
  for (let at = 0; at < size; at += piece.length) await writer.write(piece.subarray(0, size - at));
  await writer.close();
  return handle.getFile();
}

/**
 * @param {number} count
 * @param {number} lanes
 * @param {(job: number, lane: number) => Promise<void>} run
 * @returns {Promise<number>} MB/s of payload
 */
async function rate(count, lanes, run) {
  const begun = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      while (next < count) await run(next++, lane);
    }),
  );
  return Math.round(payloadSize / MB / ((performance.now() - begun) / 1000));
}

const key = random(32);
const header = begin(key, { payloadSize, isBundle: false, fileId: random(16) });
const parts = Math.ceil(header.segmentCount / PART_SEGMENTS);
const source = await fileOf(payloadSize);

/** @param {number} job */
function stretch(job) {
  const first = job * PART_SEGMENTS;
  return { first, count: Math.min(PART_SEGMENTS, header.segmentCount - first) };
}

/**
 * @param {number} workerCount
 * @param {number} buffersEach  jobs given to each worker at a time
 * @param {Array<{buffer: ArrayBuffer, rows: Uint8Array}>} [keep]
 */
async function seal(workerCount, buffersEach, keep) {
  const init = { type: 'init', core: header.core, contentKey: key };
  const workers = await Promise.all(Array.from({ length: workerCount }, () => start('seal', init)));
  const buffers = Array.from(
    { length: workerCount * buffersEach },
    () => new ArrayBuffer(PART_SIZE),
  );
  const result = await rate(parts, buffers.length, async (job, lane) => {
    const { first, count } = stretch(job);
    const sources = [source.slice(first * header.plainSize, (first + count) * header.plainSize)];
    const buffer = /** @type {ArrayBuffer} */ (buffers[lane]);
    const answer = await workers[lane % workerCount]?.ask(
      { type: 'seal', job, first, count, sources, buffer, offset: 0 },
      [buffer],
    );
    buffers[lane] = answer.buffer;
    if (keep) keep[job] = { buffer: answer.buffer.slice(0, answer.size), rows: answer.rows };
  });
  for (const worker of workers) worker.stop();
  return result;
}

/**
 * @param {number} workerCount
 * @param {number} buffersEach
 * @param {Array<{buffer: ArrayBuffer, rows: Uint8Array}>} sealed
 */
async function open(workerCount, buffersEach, sealed) {
  const init = { type: 'init', core: header.core, contentKey: key };
  const workers = await Promise.all(Array.from({ length: workerCount }, () => start('open', init)));
  const copies = sealed.map(({ buffer }) => buffer.slice(0));
  const result = await rate(parts, workerCount * buffersEach, async (job, lane) => {
    const { first, count } = stretch(job);
    const buffer = /** @type {ArrayBuffer} */ (copies[job]);
    await workers[lane % workerCount]?.ask(
      {
        type: 'open',
        job,
        first,
        count,
        rows: sealed[job]?.rows,
        buffer,
        offset: 0,
        size: buffer.byteLength,
      },
      [buffer],
    );
  });
  for (const worker of workers) worker.stop();
  return result;
}

function derivePassword() {
  const worker = new Worker(policy.createScriptURL('kdf'), { type: 'module' });
  const job = {
    type: 'derive',
    job: 1,
    password: 'x',
    salt: random(16),
    memoryKib: 65536,
    passes: 3,
  };
  return new Promise((resolve) => {
    worker.addEventListener('message', ({ data }) => resolve(data.secret), { once: true });
    worker.postMessage(job);
  }).finally(() => worker.terminate());
}

async function small() {
  const aad = random(68);
  const floe = new Floe(random(32), { iv: random(32), aad, segmentSize: 2 ** 18 });
  let begun = performance.now();
  for (let at = 0; at < 4000; at += 1) floe.dek(at);
  const nobleUs = ((performance.now() - begun) / 4000) * 1000;
  const hmac = await crypto.subtle.importKey(
    'raw',
    random(48),
    { name: 'HMAC', hash: 'SHA-384' },
    false,
    ['sign'],
  );
  const message = random(123);
  begun = performance.now();
  for (let at = 0; at < 1000; at += 1) await crypto.subtle.sign('HMAC', hmac, message);
  const webcryptoUs = ((performance.now() - begun) / 1000) * 1000;
  const large = begin(key, { payloadSize: 40000 * 262112, isBundle: false, fileId: random(16) });
  const rows = new Uint8Array(64 * 40000);
  begun = performance.now();
  await rootOf(large, rows);
  const rootMs = performance.now() - begun;
  begun = performance.now();
  for (let at = 0; at < 20; at += 1) await deriveKeyPair(random(32));
  const keyPairMs = (performance.now() - begun) / 20;
  begun = performance.now();
  await derivePassword();
  const passwordMs = performance.now() - begun;
  return {
    hpke_key_pair_ms: keyPairMs,
    argon2id_64mib_ms: passwordMs,
    dek_noble_us: nobleUs,
    dek_webcrypto_us: webcryptoUs,
    root_40000_ms: rootMs,
  };
}

/** @returns {Promise<object>} */
async function measure() {
  /** @type {Array<{buffer: ArrayBuffer, rows: Uint8Array}>} */
  const sealed = [];
  await seal(1, 1, sealed);
  /** @type {Record<string, number[]>} */
  const figures = {};
  /** @param {string} name @param {number} value */
  const note = (name, value) => (figures[name] ??= []).push(value);
  for (let round = 0; round < 3; round += 1) {
    note('seal 1 worker, 1 buffer', await seal(1, 1));
    note('seal 1 worker, 2 buffers', await seal(1, 2));
    note('seal 2 workers, 2 buffers', await seal(2, 2));
    note('open 1 worker, 1 buffer', await open(1, 1, sealed));
    note('open 1 worker, 2 buffers', await open(1, 2, sealed));
    note('open 2 workers, 2 buffers', await open(2, 2, sealed));
  }
  return {
    agent: navigator.userAgent,
    payload_mib: payloadSize / 2 ** 20,
    mb_per_s: figures,
    ...(await small()),
  };
}

measure()
  .catch((error) => ({ error: String(error.stack ?? error) }))
  .then((result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) }));
