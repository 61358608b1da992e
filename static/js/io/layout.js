/**
 * How a container is cut into the equal parts of a multipart upload.
 * The virtual byte stream is header | segments | index; part p holds bytes [(p-1)·P, p·P). A part
 * is a whole number of segments, so no segment lies across two parts; only the index may.
 * @module
 */

/** @import { Header } from '../crypto/header.js' */

/**
 * @typedef {object} Part
 * @property {number} number  1 first, as stores count
 * @property {number} start   first byte in the container
 * @property {number} size    bytes
 * @property {boolean} holdsHead
 * @property {number} firstSegment
 * @property {number} segmentCount  0 for a part of index only
 * @property {number} segmentsAt    offset of the first segment in the part
 * @property {number} indexSize     bytes of the index in this part, at its end; 0 for most
 */

/**
 * @param {Header} header
 * @param {number} partSize  a multiple of the segment size
 * @returns {Part[]} in the order to send them: parts that hold index bytes come last, because the
 *   index is known only once every segment is sealed
 * @throws {RangeError}
 */
export function partsOf(header, partSize) {
  const isWhole = partSize >= header.totalSize || partSize % header.segmentSize === 0;
  if (partSize <= 0 || !isWhole) {
    throw new RangeError('a part is a whole number of segments');
  }
  /** @type {Part[]} */
  const parts = [];
  for (let start = 0; start < header.totalSize; start += partSize) {
    const size = Math.min(partSize, header.totalSize - start);
    parts.push({ number: parts.length + 1, ...partAt(header, start, size) });
  }
  return parts; // the index stands at the end, so this order is already the right one
}

/**
 * @param {Header} header
 * @param {number} start
 * @param {number} size
 * @returns {Omit<Part, 'number'>}
 */
function partAt(header, start, size) {
  const end = start + size;
  const holdsHead = start === 0;
  const from = holdsHead ? header.headerSize : start;
  const to = Math.min(end, header.indexOffset);
  const firstSegment = Math.min(
    header.segmentCount,
    Math.floor((from - header.headerSize) / header.segmentSize),
  );
  const segmentCount = to > from ? Math.ceil((to - from) / header.segmentSize) : 0;
  return {
    start,
    size,
    holdsHead,
    firstSegment,
    segmentCount,
    segmentsAt: from - start,
    indexSize: Math.max(0, end - Math.max(start, header.indexOffset)),
  };
}
