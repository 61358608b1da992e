/**
 * The record area behind the core header: what may be rewritten without changing what is sold.
 * Types 1 HINT, 2 WRAP, 3 META_LINK; any other is skipped; type 0 ends the area.
 * @module
 */

import { concat, fromUtf8, readU32, u32, utf8 } from './bytes.js';
import { Damaged, Truncated } from './errors.js';
import { CORE_SIZE } from './header.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 */

const END = 0;
const HINT = 1;
const WRAP = 2;
const META_LINK = 3;
const FRAME_SIZE = 6;
const WRAP_SIZE = 60;
const META_STEP = 256;
const GCM_OVERHEAD = 28;

/**
 * @typedef {object} Records
 * @property {string | null} hint  the offer's URL as the file claims it: show, never follow
 * @property {Bytes[]} wraps       copies of W, to be tried in turn
 * @property {Bytes | null} metaLink
 */

/**
 * @param {Header} header
 * @param {Records} records
 * @returns {Bytes} core header and record area, header.headerSize bytes
 * @throws {RangeError} if they do not fit
 */
export function buildHead(header, { hint, wraps, metaLink }) {
  const pieces = [header.core];
  if (hint !== null) pieces.push(record(HINT, utf8(JSON.stringify({ u: hint }))));
  for (const wrap of wraps) pieces.push(record(WRAP, wrap));
  if (metaLink) pieces.push(record(META_LINK, metaLink));
  const used = concat(...pieces, record(END, new Uint8Array(0)));
  if (used.length > header.headerSize) throw new RangeError('the records do not fit the header');
  const head = new Uint8Array(header.headerSize);
  head.set(used);
  return head;
}

/**
 * @param {Header} header
 * @param {Uint8Array} head  the first header.headerSize bytes of the container
 * @returns {Records}
 * @throws {Truncated | Damaged}
 */
export function parseHead(header, head) {
  if (head.length < header.headerSize) throw new Truncated('the header is cut');
  /** @type {Records} */
  const records = { hint: null, wraps: [], metaLink: null };
  let at = CORE_SIZE;
  for (;;) {
    if (at + 2 > header.headerSize) throw new Damaged('the records have no end');
    const type = ((head[at] ?? 0) << 8) | (head[at + 1] ?? 0);
    if (type === END) break;
    if (at + FRAME_SIZE > header.headerSize) throw new Damaged('a record is cut');
    const end = at + FRAME_SIZE + readU32(head, at + 2);
    if (end > header.headerSize) throw new Damaged('a record is longer than the header');
    take(records, type, new Uint8Array(head.subarray(at + FRAME_SIZE, end)));
    at = end;
  }
  if (head.subarray(at, header.headerSize).some((byte) => byte !== 0)) {
    throw new Damaged('there are bytes behind the last record');
  }
  return records;
}

/**
 * @param {Records} records
 * @param {number} type
 * @param {Bytes} value
 * @throws {Damaged}
 */
function take(records, type, value) {
  if (type === HINT) records.hint ??= parseHint(value);
  if (type === WRAP) {
    if (value.length !== WRAP_SIZE) throw new Damaged('a wrapped key has the wrong length');
    records.wraps.push(value);
  }
  if (type === META_LINK) {
    if (records.metaLink) throw new Damaged('two descriptions in one header');
    const padded = value.length - GCM_OVERHEAD;
    if (padded < META_STEP || padded % META_STEP !== 0) {
      throw new Damaged('the description has the wrong length');
    }
    records.metaLink = value;
  }
}

/**
 * Nothing depends on the hint, so a bad one is no hint.
 * @param {Bytes} value
 * @returns {string | null}
 */
function parseHint(value) {
  try {
    const { u: url } = JSON.parse(fromUtf8(value));
    return typeof url === 'string' ? url : null;
  } catch {
    return null;
  }
}

/**
 * @param {number} type
 * @param {Bytes} value
 */
function record(type, value) {
  return concat(Uint8Array.of(type >> 8, type & 0xff), u32(value.length), value);
}
