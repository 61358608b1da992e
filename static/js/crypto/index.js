/**
 * The hash index behind the segments, and `content_id`, the one name of what is sold.
 * Rows are kept packed (64 bytes each: SHA-256 of the stored segment, then its key commitment).
 * @module
 */

import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, isEqual, readU64, u32, u64, utf8, writeU64 } from './bytes.js';
import { Damaged, Truncated } from './errors.js';
import { breath, STRETCH } from './flight.js';
import { ROW_SIZE } from './header.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 */

const START = concat(utf8('KIMI'), Uint8Array.of(1, 0, 0, 0));
const END = utf8('KIMEND\r\n');
const ROWS_OFFSET = 32;
const KC_LABEL = utf8('KIM1 kc');
const CID_LABEL = utf8('KIM1 cid');

/**
 * @param {Bytes} fileId
 * @param {number} segment
 * @param {Bytes} dek
 * @returns {Bytes} kc_i: commits to the key of one segment, because GCM does not
 */
export function keyCommitment(fileId, segment, dek) {
  const input = new Uint8Array(63);
  input.set(KC_LABEL);
  input.set(fileId, 7);
  writeU64(input, 23, segment);
  input.set(dek, 31);
  return /** @type {Bytes} */ (sha256(input));
}

/**
 * A film of 40 GB has 160,000 leaves, over a second of hashing, so it takes breath.
 * @param {Header} header
 * @param {Uint8Array} rows  64·N bytes, all segments in order; may not change meanwhile
 * @returns {Promise<Bytes>} root of the tree, in the shape of RFC 6962
 */
export async function rootOf(header, rows) {
  const leaf = new Uint8Array(93);
  leaf.set(header.fileId, 1);
  const node = new Uint8Array(65);
  node[0] = 1;
  /** @type {Bytes[]} roots of full subtrees, largest first: one per set bit of the count so far */
  const peaks = [];
  for (let segment = 0; segment < header.segmentCount; segment += 1) {
    if (segment > 0 && segment % STRETCH === 0) await breath();
    writeU64(leaf, 17, segment);
    leaf.set(u32(header.storedSizeOf(segment)), 25);
    leaf.set(rows.subarray(ROW_SIZE * segment, ROW_SIZE * (segment + 1)), 29);
    peaks.push(/** @type {Bytes} */ (sha256(leaf)));
    for (let size = segment; size % 2 === 1; size = (size - 1) / 2) join(peaks, node);
  }
  while (peaks.length > 1) join(peaks, node);
  return /** @type {Bytes} */ (peaks[0]);
}

/**
 * @param {Header} header
 * @param {Bytes} rows
 * @param {Bytes} root  rootOf(header, rows)
 * @returns {Bytes} the index as stored behind the last segment
 */
export function buildIndex(header, rows, root) {
  if (rows.length !== ROW_SIZE * header.segmentCount) throw new RangeError('rows are missing');
  return concat(
    START,
    u64(header.segmentCount),
    header.fileId,
    rows,
    root,
    u64(header.indexSize),
    END,
  );
}

/**
 * @param {Header} header
 * @param {Bytes} bytes  exactly the bytes from header.indexOffset to the end of the object
 * @returns {Promise<{rows: Bytes, root: Bytes}>} rows is a view on `bytes`
 * @throws {Truncated | Damaged}
 */
export async function parseIndex(header, bytes) {
  if (bytes.length < header.indexSize) throw new Truncated('the index is cut');
  if (bytes.length > header.indexSize) throw new Damaged('there are bytes behind the index');
  const rootOffset = ROWS_OFFSET + ROW_SIZE * header.segmentCount;
  const isFramed =
    isEqual(bytes.subarray(0, 8), START) &&
    readU64(bytes, 8) === header.segmentCount &&
    isEqual(bytes.subarray(16, ROWS_OFFSET), header.fileId) &&
    readU64(bytes, rootOffset + 32) === header.indexSize &&
    isEqual(bytes.subarray(rootOffset + 40), END);
  if (!isFramed) throw new Damaged('the index does not belong to the header');
  const rows = bytes.subarray(ROWS_OFFSET, rootOffset);
  const root = await rootOf(header, rows);
  if (!isEqual(root, bytes.subarray(rootOffset, rootOffset + 32))) {
    throw new Damaged('the index contradicts itself');
  }
  return { rows, root };
}

/**
 * @param {Header} header
 * @param {Bytes} root
 * @returns {Bytes} 32 bytes
 */
export function contentId(header, root) {
  return /** @type {Bytes} */ (sha256(concat(CID_LABEL, header.core, root)));
}

/**
 * @param {Bytes[]} peaks
 * @param {Bytes} node  scratch
 */
function join(peaks, node) {
  node.set(/** @type {Bytes} */ (peaks.pop()), 33);
  node.set(/** @type {Bytes} */ (peaks.pop()), 1);
  peaks.push(/** @type {Bytes} */ (sha256(node)));
}
