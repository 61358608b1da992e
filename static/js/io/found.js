/**
 * A sealed file on this device, however it came here: its header and index are read and compared
 * with each other, and its segments given as a stream. Nothing is fetched, nothing is sent.
 * @module
 */
import { inspect } from '../crypto/container.js';
import { KimError, NotAContainer, Truncated } from '../crypto/errors.js';
import { CORE_SIZE, parseHeader } from '../crypto/header.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Inspected } from '../crypto/container.js'
 *
 * @typedef {Inspected & {file: File}} Found
 */

const PIECE_BYTES = 4 * 2 ** 20;
const MAGIC = [0x89, 0x4b, 0x49, 0x4d];

/** The file was moved, changed or taken away since it was chosen; asking again does not help. */
class Unreadable extends KimError {
  /** @param {unknown} cause */
  constructor(cause) {
    const hint =
      'It was moved or changed since you chose it, or its disk is gone. Choose it again.';
    super('file_unreadable', hint, 'The sealed file can no longer be read.', { cause });
  }
}

/**
 * @param {Blob} file
 * @returns {Promise<boolean>} whether it begins like a sealed file
 */
export async function isSealed(file) {
  const start = await bytesOf(file, 0, MAGIC.length);
  return start.length === MAGIC.length && MAGIC.every((byte, at) => start[at] === byte);
}

/**
 * @param {File} file
 * @returns {Promise<Found>}
 * @throws {KimError} NotAContainer, UnsupportedVersion, Truncated, Damaged
 */
export async function lookAt(file) {
  if (!(await isSealed(file))) {
    throw new NotAContainer('This is not a sealed file: it does not begin like one.');
  }
  const header = parseHeader(await bytesOf(file, 0, CORE_SIZE));
  if (file.size < header.totalSize) {
    throw new Truncated(
      `The file was cut: ${file.size} of ${header.totalSize} bytes are here. The end is missing.`,
    );
  }
  header.checkSize(file.size);
  const [head, index] = await Promise.all([
    bytesOf(file, 0, header.headerSize),
    bytesOf(file, header.indexOffset, file.size),
  ]);
  return { file, ...(await inspect({ head, index, totalSize: file.size })) };
}

/**
 * @param {Blob} file
 * @returns {(from: number, to: number) => Promise<ReadableStream<Bytes>>} bytes from..to (inclusive)
 */
export function reads(file) {
  return async (from, to) => {
    await bytesOf(file, from, from + 1);
    return streamOf(file, from, to + 1);
  };
}

/**
 * @param {Blob} blob
 * @param {number} from
 * @param {number} to  exclusive
 * @returns {Promise<Bytes>}
 */
async function bytesOf(blob, from, to) {
  try {
    return new Uint8Array(await blob.slice(from, to).arrayBuffer());
  } catch (cause) {
    throw new Unreadable(cause);
  }
}

/**
 * In slices, because Safari's own streams of a file end at 4 GB.
 * @param {Blob} blob
 * @param {number} from
 * @param {number} to  exclusive
 * @returns {ReadableStream<Bytes>}
 */
function streamOf(blob, from, to) {
  let at = from;
  return new ReadableStream(
    {
      async pull(controller) {
        const end = Math.min(to, at + PIECE_BYTES);
        if (end > at) controller.enqueue(await bytesOf(blob, at, end));
        at = end;
        if (at === to) controller.close();
      },
    },
    { highWaterMark: 1 },
  );
}
