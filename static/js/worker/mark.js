/**
 * Module worker: the fingerprint of a file and, for a bundle's directory, its SHA-256. It reads by
 * itself, beside the workers that seal, so that nothing waits for it but the directory.
 * @module
 */
import { concat, toHex } from '../crypto/bytes.js';
import { StreamDigest } from '../crypto/digest.js';
import { answerJobs } from './jobs.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { MarkJob, Marked } from './messages.js'
 */

const MIB = 2 ** 20;
const PIECE = 4 * MIB;

answerJobs({
  /** @param {MarkJob} message */
  async mark({ job, file, isWhole }) {
    const sample = await sampleOf(file);
    const isTiny = file.size <= 3 * MIB;
    const sha256 = isWhole ? (isTiny ? sample : await hashOf(file)) : null;
    /** @type {Marked} */
    const marked = { type: 'marked', job, sample, sha256 };
    return [marked];
  },
});

/**
 * @param {Blob} file
 * @returns {Promise<string>} SHA-256 of its first, middle and last MiB; of all, if there is no more
 */
async function sampleOf(file) {
  if (file.size <= 3 * MIB) return digest(await read(file));
  const middle = Math.floor((file.size - MIB) / 2);
  const slices = [0, middle, file.size - MIB].map((at) => read(file.slice(at, at + MIB)));
  return digest(concat(...(await Promise.all(slices))));
}

/**
 * @param {Blob} file
 * @returns {Promise<string>}
 */
async function hashOf(file) {
  const hash = new StreamDigest();
  /** @param {number} at */
  const piece = (at) => read(file.slice(at, at + PIECE));
  let next = piece(0);
  for (let at = 0; at < file.size; at += PIECE) {
    const bytes = await next;
    if (at + PIECE < file.size) {
      next = piece(at + PIECE);
      next.catch(() => undefined); // told when its turn comes
    }
    hash.update(bytes);
  }
  return hash.hex();
}

/** @param {Blob} slice */
async function read(slice) {
  return new Uint8Array(await slice.arrayBuffer());
}

/** @param {Bytes} bytes */
async function digest(bytes) {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}
