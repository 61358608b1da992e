/**
 * What the tests share: vectors, whole containers opened and sealed in memory, seeded randomness.
 * @module
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { concat, fromBase64url, fromHex, u64 } from '../../static/js/crypto/bytes.js';
import { inspect } from '../../static/js/crypto/container.js';
import { StreamDigest } from '../../static/js/crypto/digest.js';
import {
  buildDirectory,
  checkFile,
  directorySize,
  LENGTH_SIZE,
  parseDirectory,
} from '../../static/js/crypto/directory.js';
import { parseHeader } from '../../static/js/crypto/header.js';
import { buildIndex, rootOf } from '../../static/js/crypto/index.js';
import { linkSecret, releaseSecret, unwrap, wrap } from '../../static/js/crypto/keys.js';
import { openMeta, sealMeta } from '../../static/js/crypto/meta.js';
import { Opener } from '../../static/js/crypto/opener.js';
import { buildHead } from '../../static/js/crypto/records.js';
import { begin, Sealer } from '../../static/js/crypto/sealer.js';

/**
 * @import { Bytes } from '../../static/js/crypto/bytes.js'
 * @import { Header } from '../../static/js/crypto/header.js'
 */

/** @param {string} name  @returns {any} */
export function vectors(name) {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
}

/** @param {any} vector */
export function containerOf(vector) {
  return fromBase64url(vector.container_base64url);
}

/**
 * @param {any} vector
 * @returns {Bytes} what was sealed
 */
export function payloadOf(vector) {
  const files = vector.files.map(contentOf);
  const end = vector.is_bundle ? [buildDirectory(vector.files)] : [];
  return concat(...files, ...end);
}

/**
 * @param {any} file
 * @returns {Bytes}
 */
function contentOf(file) {
  if (file.data_base64url !== undefined) return fromBase64url(file.data_base64url);
  const { label, size } = file.stream;
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, at) =>
    createHash('sha256').update(label).update(u64(at)).digest(),
  );
  return new Uint8Array(concat(...blocks).subarray(0, size));
}

/**
 * @typedef {object} Opening
 * @property {Bytes} [key]  M
 * @property {{release: Bytes, link: Bytes}} [secrets]  take M out of the container's WRAPs instead
 * @property {Bytes} [metaLink]   L, with which META_LINK is opened too
 * @property {Bytes} [contentId]  compared, if given
 */

/**
 * Opens everything there is, as tests/vectors/tamper.json asks.
 * @param {Bytes} raw
 * @param {Opening} opening
 * @returns {Promise<Bytes>} the payload
 */
export async function openWhole(raw, { key, secrets, metaLink, contentId }) {
  const { header, records, rows } = await inspectWhole(raw, contentId);
  if (metaLink && records.metaLink) await openMeta(records.metaLink, metaLink, header);
  const m = secrets ? await unwrap(records.wraps, { ...secrets, header }) : key;
  if (!m) throw new RangeError('no key');
  const opener = new Opener(header, m);
  const payload = new Uint8Array(header.payloadSize);
  await opener.open(0, raw.subarray(header.headerSize, header.indexOffset), rows, payload);
  if (header.isBundle) checkBundle(payload);
  return payload;
}

/**
 * @param {Bytes} raw
 * @param {Bytes} [expected]  content_id
 */
export function inspectWhole(raw, expected) {
  const { headerSize, indexOffset } = parseHeader(raw, { allowTestSegments: true });
  const parts = {
    head: raw.subarray(0, headerSize),
    index: raw.subarray(indexOffset),
    totalSize: raw.length,
  };
  return inspect(parts, { expected, allowTestSegments: true });
}

/**
 * What a reader without any key can tell.
 * @param {Bytes} raw
 */
export async function verifyWhole(raw) {
  const { header, rows } = await inspectWhole(raw);
  for (let at = 0; at < header.segmentCount; at += 1) {
    const offset = header.segmentOffset(at);
    const stored = raw.subarray(offset, offset + header.storedSizeOf(at));
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', stored));
    if (Buffer.compare(hash, rows.subarray(64 * at, 64 * at + 32)) !== 0) {
      const { Damaged } = await import('../../static/js/crypto/errors.js');
      throw new Damaged('hash', { segment: at });
    }
  }
}

/** @param {Bytes} payload */
export function checkBundle(payload) {
  const end = payload.length - LENGTH_SIZE;
  const size = directorySize(payload.subarray(Math.max(0, end)), payload.length);
  const entries = parseDirectory(payload.subarray(end - size, end), payload.length);
  for (const entry of entries) {
    const digest = new StreamDigest();
    digest.update(payload.subarray(entry.offset, entry.offset + entry.size));
    checkFile(entry, digest.hex());
  }
  return entries;
}

/**
 * @typedef {object} Sealing
 * @property {Bytes} root    R
 * @property {Bytes} key     M
 * @property {Bytes} fileId
 * @property {boolean} [isBundle]
 * @property {number} [segmentLog2]
 * @property {import('../../static/js/crypto/meta.js').Meta} [meta]
 */

/**
 * Seals a payload as the upload does: in stretches of a few segments, index last.
 * @param {Bytes} payload
 * @param {Sealing} sealing
 */
export async function sealWhole(payload, sealing) {
  const { root, key, fileId, isBundle = false, segmentLog2 = 12, meta } = sealing;
  const header = begin(key, { payloadSize: payload.length, isBundle, fileId, segmentLog2 });
  const link = linkSecret(root, fileId, 0);
  const wrapped = await wrap(key, { release: releaseSecret(root, fileId, 0), link, header });
  const metaLink = meta ? await sealMeta(meta, link, header) : null;
  const head = buildHead(header, { hint: null, wraps: [wrapped], metaLink });
  const { body, rows } = await sealBody(header, new Sealer(header, key), payload);
  const index = buildIndex(header, rows, await rootOf(header, rows));
  return { header, raw: concat(head, body, index) };
}

/**
 * @param {Header} header
 * @param {Sealer} sealer
 * @param {Bytes} payload
 * @param {number} [stretch]  segments sealed at a time
 */
export async function sealBody(header, sealer, payload, stretch = 6) {
  const body = new Uint8Array(header.bodySize);
  const rows = new Uint8Array(64 * header.segmentCount);
  for (let first = 0; first < header.segmentCount; first += stretch) {
    const count = Math.min(stretch, header.segmentCount - first);
    const offset = first * header.segmentSize;
    const out = body.subarray(offset, offset + header.storedSizeOfRange(first, count));
    const sealed = await sealer.seal(first, count, plainOf(header, payload, first), out);
    rows.set(sealed, 64 * first);
  }
  return { body, rows };
}

/**
 * @param {Header} header
 * @param {Bytes} payload
 * @param {number} first
 * @returns {(at: number) => Promise<Bytes>}
 */
export function plainOf({ plainSize }, payload, first) {
  return async (at) => payload.subarray((first + at) * plainSize, (first + at + 1) * plainSize);
}

/**
 * Reproducible randomness (mulberry32). A failing run is repeated with KIM_TEST_SEED.
 * @param {number} [seed]
 */
export function dice(
  seed = Number(process.env.KIM_TEST_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]),
) {
  let state = seed >>> 0;
  function next() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  return {
    seed,
    /** @param {number} limit  @returns {number} 0 … limit-1 */
    below: (limit) => next() % limit,
    /** @param {number} size  @returns {Bytes} */
    bytes: (size) => Uint8Array.from({ length: size }, () => next() & 0xff),
  };
}

/**
 * Replaces the system's randomness by given bytes while `run` runs.
 * @param {ReadonlyArray<string>} draws  hex, in order
 * @template T
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 */
export async function withRandom(draws, run) {
  const original = crypto.getRandomValues;
  const left = [...draws];
  /** @param {Uint8Array} target */
  const given = (target) => {
    const next = left.shift();
    if (next === undefined || next.length !== 2 * target.length) throw new Error('another draw');
    target.set(fromHex(next));
    return target;
  };
  Object.defineProperty(crypto, 'getRandomValues', { value: given, configurable: true });
  try {
    const result = await run();
    if (left.length > 0) throw new Error('fewer draws than given');
    return result;
  } finally {
    Object.defineProperty(crypto, 'getRandomValues', { value: original, configurable: true });
  }
}
