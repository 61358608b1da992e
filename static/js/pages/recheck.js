/**
 * The audit once more, by whoever wants to: the same segments, fetched and opened here.
 * @module
 */
import { Damaged } from '../crypto/errors.js';
import { checkKeys } from '../crypto/showing.js';
import { Sampled } from '../io/sampled.js';
import { runs, stream } from '../net/showing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { SegmentKey } from '../crypto/showing.js'
 */

/**
 * @param {string} fileId
 * @param {{header: Header, rows: Bytes, drawn: number[], keys: SegmentKey[]}} audit  `drawn`: what
 *   follows from content_id and nonce
 * @throws {import('../crypto/errors.js').KimError} Damaged, Forged
 */
export async function recheck(fileId, { header, rows, drawn, keys }) {
  if (keys.length !== drawn.length || keys.some(({ segment }, at) => segment !== drawn[at])) {
    throw new Damaged('the keys are not those of the drawn segments');
  }
  checkKeys(header, rows, keys);
  const { segments } = await runs(fileId, 'audit');
  const stop = new AbortController();
  const facts = { header, rows, keys, runs: segments, fetch: stream, signal: stop.signal };
  const sampled = new Sampled(facts);
  try {
    for (const segment of drawn) {
      const from = segment * header.plainSize;
      await sampled.reader(from, from + header.plainSizeOf(segment) - 1).next();
    }
  } finally {
    stop.abort();
  }
}
