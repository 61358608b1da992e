/**
 * What of an earlier visit still counts: a part stays only if the store holds it whole, its index
 * rows are known here, and both speak of the same bytes. Everything else is sealed again, with
 * fresh IVs and new rows, so no key ever meets an IV twice.
 * @module
 */
import { ROW_SIZE } from '../crypto/header.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Part } from './layout.js'
 * @import { MarkRow, PartRow } from './unfinished.js'
 */

/** @typedef {{number: number, size_bytes: number, etag: string}} StoredPart */

/**
 * @param {Part[]} parts  of the whole container
 * @param {StoredPart[]} stored  what the store says it holds
 * @param {PartRow[]} known      what this browser remembers
 * @param {(part: Part) => boolean} isMarked  whether the fingerprints of all files in it are known
 * @returns {Map<number, Bytes>} rows of the parts that stay, by part number
 */
export function reconcile(parts, stored, known, isMarked = () => true) {
  const storedByNumber = new Map(stored.map((part) => [part.number, part]));
  const knownByNumber = new Map(known.map((row) => [row.number, row]));
  /** @type {Map<number, Bytes>} */
  const kept = new Map();
  for (const part of parts) {
    const there = storedByNumber.get(part.number);
    const here = knownByNumber.get(part.number);
    if (there && here && isSame(part, there, here) && isMarked(part)) {
      kept.set(part.number, here.rows);
    }
  }
  // An index speaks of every segment: if one is sealed anew, it is made and sent anew, too.
  const isWhole = parts.every((part) => part.indexSize > 0 || kept.has(part.number));
  const indexed = parts.filter((part) => part.indexSize > 0);
  if (!isWhole || !indexed.every((part) => part.segmentCount === 0 || kept.has(part.number))) {
    for (const part of indexed) kept.delete(part.number);
  }
  return kept;
}

/**
 * @param {Part} part
 * @param {StoredPart} there
 * @param {PartRow} here
 */
function isSame(part, there, here) {
  const isSized = there.size_bytes === part.size && here.size === part.size;
  const isTold = here.rows.length === ROW_SIZE * part.segmentCount;
  return isSized && isTold && (here.etag === null || plain(here.etag) === plain(there.etag));
}

/** @param {string} etag  some stores quote it, and some do not */
function plain(etag) {
  return etag.replaceAll('"', '').toLowerCase();
}

/**
 * @param {Array<{size: number, lastModified: number}>} began
 * @param {Array<{size: number, lastModified: number}>} now
 * @returns {number} the first file that cannot be the same; -1 if all may be
 */
export function firstChanged(began, now) {
  const longest = Math.max(began.length, now.length);
  for (let at = 0; at < longest; at += 1) {
    const [one, other] = [began[at], now[at]];
    if (one?.size !== other?.size || one?.lastModified !== other?.lastModified) return at;
  }
  return -1;
}

/**
 * @param {MarkRow[]} marks
 * @returns {Map<number, MarkRow>} by the file's place
 */
export function marksByPlace(marks) {
  return new Map(marks.map((mark) => [mark.at, mark]));
}
