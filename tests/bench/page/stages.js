/**
 * Each step of the pipeline by itself: what it costs in time and processor.
 * @module
 */
import { random } from '../../../static/js/crypto/bytes.js';
import { begin } from '../../../static/js/crypto/sealer.js';
import { SealPool } from '../../../static/js/io/pool.js';
import { diskSink } from '../../../static/js/io/disk.js';
import { spawn } from '../../../static/js/ui/trusted.js';
import { drive, makeFile, measure, rounds, size } from './gauge.js';
import * as plain from './plain.js';

const PART = 8 * 2 ** 20;
const SEGMENTS = 32;
const GROUP = 4;
const LANES = 3;

const key = random(32);
const header = begin(key, { payloadSize: size, isBundle: false, fileId: random(16) });
const keys = { core: header.core, contentKey: key };
const only = new URLSearchParams(location.search).get('only');

/**
 * @param {number} count
 * @param {number} lanes
 * @param {(at: number, lane: number) => Promise<void>} step
 */
async function each(count, lanes, step) {
  let next = 0;
  async function run(/** @type {number} */ lane) {
    while (next < count) await step(next++, lane);
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
}

/** @param {File} file @param {number} round */
async function read(file, round) {
  await measure('read by 8 MiB', round, () =>
    each(size / PART, 2, async (at) => {
      await file.slice(at * PART, (at + 1) * PART).arrayBuffer();
    }),
  );
}

/**
 * @param {File} file
 * @param {number} round
 * @returns {Promise<{buffer: ArrayBuffer, rows: Uint8Array<ArrayBuffer>}[]>} groups of sealed segments
 */
async function seal(file, round) {
  /** @type {{buffer: ArrayBuffer, rows: Uint8Array<ArrayBuffer>}[]} */
  const groups = [];
  const pool = new SealPool(() => spawn('seal'), 1, keys);
  const buffers = Array.from({ length: 2 }, () => new ArrayBuffer(PART));
  const parts = Math.ceil(header.segmentCount / SEGMENTS);
  /** @param {number} at @param {number} lane */
  async function one(at, lane) {
    const first = at * SEGMENTS;
    const count = Math.min(SEGMENTS, header.segmentCount - first);
    const { plainSize } = header;
    const sources = [file.slice(first * plainSize, (first + count) * plainSize)];
    const buffer = /** @type {ArrayBuffer} */ (buffers[lane]);
    const sealed = await pool.seal({ first, count, sources, buffer, offset: 0 });
    buffers[lane] = sealed.buffer;
    for (let from = 0; from < count; from += GROUP) {
      const many = Math.min(GROUP, count - from);
      const at0 = from * header.segmentSize;
      groups[(first + from) / GROUP] ??= {
        buffer: sealed.buffer.slice(at0, at0 + header.storedSizeOfRange(first + from, many)),
        rows: sealed.rows.slice(from * 64, (from + many) * 64),
      };
    }
  }
  await each(parts, 2, one); // makes the groups, and warms up
  await measure('read and seal', round, () => each(parts, 2, one));
  pool.close();
  return groups;
}

/** @param {{buffer: ArrayBuffer, rows: Uint8Array<ArrayBuffer>}[]} groups @param {number} round */
async function open(groups, round) {
  const pool = new SealPool(() => spawn('open'), 1, keys);
  await measure('open', round, () =>
    each(groups.length, 5, async (at) => {
      const { buffer, rows } = /** @type {typeof groups[0]} */ (groups[at]);
      const first = at * GROUP;
      const count = rows.length / 64;
      const size0 = buffer.byteLength;
      await pool.open({ first, count, rows, buffer, offset: 0, size: size0 });
    }),
  );
  pool.close();
}

/** @param {number} round */
async function write(round) {
  const sink = await diskSink(() => spawn('disk'));
  const buffers = Array.from({ length: 5 }, () => new ArrayBuffer(2 ** 20));
  await measure('write to disk', round, async () => {
    await each(size / 2 ** 20, 5, async (_, lane) => {
      const buffer = /** @type {ArrayBuffer} */ (buffers[lane]);
      buffers[lane] = await sink.write({ buffer, offset: 0, size: 2 ** 20 });
    });
    await sink.discard();
  });
}

/**
 * @param {File} file
 * @param {number} round
 */
async function send(file, round) {
  const bytes = Array.from({ length: LANES }, () => new Uint8Array(PART));
  /** @type {Record<string, (at: number, lane: number) => XMLHttpRequestBodyInit>} */
  const bodies = {
    'send slices of the file': (at) => file.slice(at * PART, (at + 1) * PART),
    'send Blobs in memory': (_, lane) => new Blob([/** @type {any} */ (bytes[lane])]),
    'send byte arrays': (_, lane) => /** @type {any} */ (bytes[lane]),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const { urls, ...sent } = await plain.post('/bench/plain', {
      size_bytes: size,
      part_bytes: PART,
    });
    await measure(name, round, () =>
      each(urls.length, LANES, (at, lane) =>
        plain.put(urls[at], /** @type {any} */ (body(at, lane))),
      ),
    );
    await plain.post('/bench/forget', sent);
  }
}

await drive(async () => {
  const file = await makeFile();
  for (let round = 1; round <= rounds; round += 1) {
    if (!only || only === 'read') await read(file, round);
    if (!only || only === 'crypto') await open(await seal(file, round), round);
    if (!only || only === 'write') await write(round);
    if (!only || only === 'send') await send(file, round);
  }
});
