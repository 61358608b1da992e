/**
 * The Merkle path of one segment: that it belongs to a content_id, without the rest of the index
 * (docs/protocol.md, "Reports"). Sides follow from the segment's number; a node without a neighbour
 * rises unchanged.
 * @module
 */
import { sha256 } from '../../vendor/noble-hashes@2.4.0/sha2.js';
import { concat, u32, u64 } from './bytes.js';
import { breath, STRETCH } from './flight.js';
import { ROW_SIZE } from './header.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 */

/**
 * @param {Header} header
 * @param {Bytes} rows  of the whole index
 * @param {number} segment
 * @returns {Promise<Bytes>} the neighbours from the leaf up, 32 bytes each
 */
export async function pathOf(header, rows, segment) {
  let level = [];
  for (let at = 0; at < header.segmentCount; at += 1) {
    if (at > 0 && at % STRETCH === 0) await breath();
    level.push(leafOf(header, rows, at));
  }
  const path = [];
  for (let at = segment; level.length > 1; at = Math.floor(at / 2)) {
    const other = level[at % 2 ? at - 1 : at + 1];
    if (other) path.push(other);
    level = await risen(level);
  }
  return concat(...path);
}

/**
 * @param {Bytes[]} level
 * @returns {Promise<Bytes[]>} the level above
 */
async function risen(level) {
  const above = [];
  for (let at = 0; at < level.length; at += 2) {
    if (at > 0 && at % STRETCH === 0) await breath();
    const [left, right] = [level[at], level[at + 1]];
    if (left && right) above.push(hash(concat(Uint8Array.of(1), left, right)));
    else if (left) above.push(left);
  }
  return above;
}

/**
 * @param {Header} header
 * @param {Bytes} rows
 * @param {number} segment
 */
function leafOf(header, rows, segment) {
  const row = rows.subarray(ROW_SIZE * segment, ROW_SIZE * (segment + 1));
  const size = u32(header.storedSizeOf(segment));
  return hash(concat(Uint8Array.of(0), header.fileId, u64(segment), size, row));
}

/** @param {Bytes} bytes */
function hash(bytes) {
  return /** @type {Bytes} */ (sha256(bytes));
}
