/**
 * What may be seen without paying: keys of single segments, as samples and as the audit at publish
 * (docs/protocol.md, "Samples and audit"). A key is compared with the committed index before anything
 * is opened with it.
 * @module
 */

import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, isEqual, readU64, u32, u64, utf8 } from './bytes.js';
import { Damaged, Forged } from './errors.js';
import { importDek, openSegment } from './floe.js';
import { ROW_SIZE } from './header.js';
import { keyCommitment } from './index.js';
import { unlock } from './keys.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 *
 * @typedef {{segment: number, key: Bytes}} SegmentKey  DEK_i, made public
 */

const ENTRY_SIZE = 40;
const AUDIT_LEAST = 200;
const AUDIT_MOST = 20;

/**
 * @param {Bytes} contentKey  M, which stays here
 * @param {Header} header
 * @param {number[]} segments
 * @returns {Bytes} u64 segment || DEK 32, in the order given
 */
export function entriesFor(contentKey, header, segments) {
  const floe = unlock(contentKey, header);
  return concat(...segments.flatMap((segment) => [u64(segment), floe.dek(segment)]));
}

/**
 * @param {Bytes} raw
 * @returns {SegmentKey[]}
 * @throws {Damaged}
 */
export function parseEntries(raw) {
  if (raw.length % ENTRY_SIZE) throw new Damaged('keys of segments are 40 bytes each');
  return Array.from({ length: raw.length / ENTRY_SIZE }, (_, at) => ({
    segment: readU64(raw, at * ENTRY_SIZE),
    key: raw.slice(at * ENTRY_SIZE + 8, (at + 1) * ENTRY_SIZE),
  }));
}

/**
 * @param {number} segmentCount
 * @param {number} [least]
 * @returns {number} one of a hundred, at most 20; none of few
 */
export function auditCount(segmentCount, least = AUDIT_LEAST) {
  if (segmentCount < least) return 0;
  return Math.max(1, Math.min(AUDIT_MOST, Math.floor(segmentCount / 100)));
}

/**
 * @param {Bytes} contentId
 * @param {Bytes} nonce  32 bytes, drawn by the server once the content was fixed
 * @param {number} segmentCount
 * @param {number} count
 * @returns {number[]} in the order they are drawn, each once
 */
export function auditSegments(contentId, nonce, segmentCount, count) {
  /** @type {Set<number>} */
  const drawn = new Set();
  for (let turn = 0; drawn.size < Math.min(count, segmentCount); turn += 1) {
    const block = sha256(concat(utf8('KIM1 audit'), contentId, nonce, u32(turn)));
    const view = new DataView(block.buffer, block.byteOffset);
    drawn.add(Number(view.getBigUint64(0) % BigInt(segmentCount)));
  }
  return [...drawn];
}

/**
 * @param {Header} header
 * @param {Bytes} rows  of the whole index
 * @param {ReadonlyArray<SegmentKey>} shown
 * @throws {Damaged | Forged} naming the first segment whose key is not the committed one
 */
export function checkKeys(header, rows, shown) {
  for (const { segment, key } of shown) {
    if (!(segment < header.segmentCount)) throw new Damaged(`there is no segment ${segment}`);
    const committed = rows.subarray(segment * ROW_SIZE + 32, (segment + 1) * ROW_SIZE);
    if (!isEqual(keyCommitment(header.fileId, segment, key), committed)) {
      throw new Forged(`segment ${segment} commits to another key`, { segment });
    }
  }
}

/**
 * @param {Header} header
 * @param {Bytes} rows  of the whole index
 * @param {SegmentKey} shown
 * @param {Bytes} stored
 * @returns {Promise<Bytes>} the plaintext of the segment, after every check
 * @throws {Damaged | Forged}
 */
export async function openShown(header, rows, { segment, key }, stored) {
  checkKeys(header, rows, [{ segment, key }]);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', stored));
  if (!isEqual(hash, rows.subarray(segment * ROW_SIZE, segment * ROW_SIZE + 32))) {
    throw new Damaged(`segment ${segment} is damaged`, { segment });
  }
  const isFinal = header.isFinal(segment);
  const plain = await openSegment(await importDek(key), segment, isFinal, stored);
  if (!plain) throw new Forged(`segment ${segment} does not open with its key`, { segment });
  return plain;
}
