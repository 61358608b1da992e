/**
 * The core header of a container: 128 bytes that say how large everything is, and are bound to the
 * content key (docs/protocol.md, "Core header"). Everything about sizes and offsets is derived here.
 * @module
 */

import { Damaged, NotAContainer, Truncated, UnsupportedVersion } from './errors.js';
import { concat, isEqual, readU32, readU64, u32, u64 } from './bytes.js';

/** @import { Bytes } from './bytes.js' */

export const CORE_SIZE = 128;
export const BOUND_SIZE = 64;
export const SEGMENT_LOG2 = 18;
/** Length word, IV and tag in every segment. */
export const SEGMENT_OVERHEAD = 32;
/** Row of one segment in the index: SHA-256 of its stored bytes, then its key commitment. */
export const ROW_SIZE = 64;
export const INDEX_OVERHEAD = 80;

const MAGIC = Uint8Array.of(0x89, 0x4b, 0x49, 0x4d, 0x0d, 0x0a, 0x1a, 0x0a);
const VERSION = 1;
const SUITE = 1;
const FLAG_BUNDLE = 2;
/** The vectors also use 4 KiB segments; nothing but tests may. */
const TEST_SEGMENT_LOG2 = 12;

/**
 * @typedef {object} HeaderFields
 * @property {number} payloadSize  bytes of plaintext
 * @property {boolean} isBundle
 * @property {Bytes} fileId   16 bytes
 * @property {Bytes} floeIv   32 bytes
 * @property {number} [segmentLog2]
 */

export class Header {
  /**
   * @param {Bytes} core  128 bytes, already checked
   */
  constructor(core) {
    this.core = core;
    this.segmentSize = 2 ** /** @type {number} */ (core[10]);
    /** Plaintext bytes in a full segment. */
    this.plainSize = this.segmentSize - SEGMENT_OVERHEAD;
    this.headerSize = this.segmentSize;
    this.isBundle = ((core[11] ?? 0) & FLAG_BUNDLE) !== 0;
    this.payloadSize = readU64(core, 16);
    this.segmentCount = readU64(core, 24);
    this.fileId = core.slice(32, 48);
    this.floeIv = core.slice(64, 96);
    this.headerTag = core.slice(96, 128);
    Object.freeze(this);
  }

  /** The part of the core header that goes into FLOE's associated data. */
  get bound() {
    return this.core.slice(0, BOUND_SIZE);
  }

  /** Stored bytes of all segments together. */
  get bodySize() {
    return this.payloadSize + SEGMENT_OVERHEAD * this.segmentCount;
  }

  get indexOffset() {
    return this.headerSize + this.bodySize;
  }

  get indexSize() {
    return INDEX_OVERHEAD + ROW_SIZE * this.segmentCount;
  }

  /** Size of the whole container: header, segments and index. */
  get totalSize() {
    return this.indexOffset + this.indexSize;
  }

  /**
   * @param {number} sizeBytes  of the whole object
   * @throws {Truncated | Damaged} unless it is exactly totalSize
   */
  checkSize(sizeBytes) {
    const { totalSize } = this;
    if (sizeBytes === totalSize) return;
    const Kind = sizeBytes < totalSize ? Truncated : Damaged;
    throw new Kind(`the file has ${sizeBytes} of ${totalSize} bytes`);
  }

  /** @param {number} index */
  isFinal(index) {
    return index === this.segmentCount - 1;
  }

  /** @param {number} index  @returns {number} offset in the container */
  segmentOffset(index) {
    return this.headerSize + index * this.segmentSize;
  }

  /** @param {number} index  @returns {number} plaintext bytes of this segment */
  plainSizeOf(index) {
    return this.isFinal(index) ? this.payloadSize - index * this.plainSize : this.plainSize;
  }

  /** @param {number} index  @returns {number} stored bytes of this segment */
  storedSizeOf(index) {
    return this.plainSizeOf(index) + SEGMENT_OVERHEAD;
  }

  /** @param {number} first  @param {number} count  @returns {number} plaintext bytes together */
  plainSizeOfRange(first, count) {
    return (count - 1) * this.plainSize + this.plainSizeOf(first + count - 1);
  }

  /** @param {number} first  @param {number} count  @returns {number} stored bytes together */
  storedSizeOfRange(first, count) {
    return (count - 1) * this.segmentSize + this.storedSizeOf(first + count - 1);
  }
}

/**
 * @param {number} payloadSize
 * @param {number} [segmentLog2]
 * @returns {number} at least 1: an empty file has one empty segment
 */
export function segmentCountOf(payloadSize, segmentLog2 = SEGMENT_LOG2) {
  return Math.max(1, Math.ceil(payloadSize / (2 ** segmentLog2 - SEGMENT_OVERHEAD)));
}

/**
 * The first 64 bytes of a core header.
 * @param {HeaderFields} fields
 * @returns {Bytes}
 */
export function buildBound({ payloadSize, isBundle, fileId, segmentLog2 = SEGMENT_LOG2 }) {
  return concat(
    MAGIC,
    Uint8Array.of(VERSION, SUITE, segmentLog2, isBundle ? FLAG_BUNDLE : 0),
    u32(2 ** segmentLog2),
    u64(payloadSize),
    u64(segmentCountOf(payloadSize, segmentLog2)),
    fileId,
    new Uint8Array(16),
  );
}

/**
 * @param {Uint8Array} bytes  the start of a container; only its first 128 bytes are read
 * @param {{allowTestSegments?: boolean}} [options]
 * @returns {Header}
 * @throws {NotAContainer | UnsupportedVersion | Truncated | Damaged}
 */
export function parseHeader(bytes, { allowTestSegments = false } = {}) {
  if (!isEqual(bytes.subarray(0, 8), MAGIC)) {
    throw new NotAContainer('the first bytes are not KIM1');
  }
  if (bytes.length < CORE_SIZE) throw new Truncated('the header is cut');
  const core = new Uint8Array(bytes.subarray(0, CORE_SIZE));
  if (core[8] !== VERSION) throw new UnsupportedVersion(`container version ${core[8]}`);
  if (core[9] !== SUITE) throw new UnsupportedVersion(`cipher suite ${core[9]}`);
  checkFields(core, allowTestSegments);
  return new Header(core);
}

/**
 * @param {Bytes} core
 * @param {boolean} allowTestSegments
 */
function checkFields(core, allowTestSegments) {
  const log2 = core[10] ?? 0;
  const isKnown = log2 === SEGMENT_LOG2 || (allowTestSegments && log2 === TEST_SEGMENT_LOG2);
  if (!isKnown) throw new UnsupportedVersion(`segments of 2^${log2} bytes`);
  const isReservedSet =
    ((core[11] ?? 0) & ~FLAG_BUNDLE) !== 0 || core.subarray(48, 64).some((byte) => byte !== 0);
  if (isReservedSet) throw new UnsupportedVersion('a reserved bit of the header is set');
  if (readU32(core, 12) !== 2 ** log2) throw new Damaged('the header length is wrong');
  const payloadSize = readU64(core, 16);
  if (payloadSize === Infinity) throw new Damaged('the payload length is absurd');
  if (readU64(core, 24) !== segmentCountOf(payloadSize, log2)) {
    throw new Damaged('the number of segments does not fit the length');
  }
}
