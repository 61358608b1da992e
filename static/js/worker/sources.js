/**
 * Plaintext of segments, read from Blobs in a few large pieces, one piece ahead.
 * @module
 */

/** @import { Bytes } from '../crypto/bytes.js' */

/**
 * Segments in one read, 8 MiB: Chromium reads a file at 600 MB/s so, and at less than half of that
 * by the megabyte (tests/bench/crypto).
 */
const GROUP = 32;

/**
 * @param {Blob[]} sources  together exactly the plaintext
 * @param {{plainSize: number, totalSize: number}} sizes  bytes of a full segment, and of all
 * @returns {(at: number) => Promise<Bytes>} plaintext of one segment; to be called in order
 */
export function segmentReader(sources, { plainSize, totalSize }) {
  const whole = sources.length === 1 ? /** @type {Blob} */ (sources[0]) : new Blob(sources);
  if (whole.size !== totalSize) {
    throw new DOMException('the file has changed its size', 'NotReadableError');
  }
  const groupSize = GROUP * plainSize;
  /** @type {Map<number, Promise<Bytes>>} */
  const reads = new Map();

  /** @param {number} group */
  function read(group) {
    let bytes = reads.get(group);
    if (!bytes && group * groupSize < Math.max(totalSize, 1)) {
      bytes = readTwice(whole.slice(group * groupSize, (group + 1) * groupSize));
      bytes.catch(() => undefined);
      reads.set(group, bytes);
    }
    return bytes;
  }

  return async (at) => {
    const group = Math.floor(at / GROUP);
    const bytes = read(group);
    read(group + 1);
    reads.delete(group - 1);
    const start = (at % GROUP) * plainSize;
    return /** @type {Bytes} */ (await bytes).subarray(start, start + plainSize);
  };
}

/**
 * Safari gives up reading now and then, and can the second time (WebKit pull 27875).
 * @param {Blob} slice
 */
async function readTwice(slice) {
  try {
    return new Uint8Array(await slice.arrayBuffer());
  } catch {
    return new Uint8Array(await slice.arrayBuffer());
  }
}
