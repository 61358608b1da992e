/**
 * The buyer's path, run once by the creator's page before anybody can buy: a purchase with a grant,
 * the released key, and segments of the stored object, opened and compared.
 * @module
 */
import { fromBase64url, isEqual, random, toBase64url } from '../crypto/bytes.js';
import { inspect } from '../crypto/container.js';
import { Damaged, Forged } from '../crypto/errors.js';
import { parseHeader, ROW_SIZE } from '../crypto/header.js';
import { deriveKeyPair, openRelease } from '../crypto/hpke.js';
import { buyerKeySeed, checkRelease, claimSecret, unwrap } from '../crypto/keys.js';
import { openMeta } from '../crypto/meta.js';
import { Opener } from '../crypto/opener.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Inspected } from '../crypto/container.js' */

const SAMPLES = 5;
const PENDING_MS = 300;

/**
 * @typedef {{url: string, headers: Record<string, string>, bytes: number}} Stretch
 *
 * @typedef {object} Asked  what a buyer would ask the server; given in, so that this knows no network
 * @property {(buyer: {buyerKey: string, claim: string}) => Promise<{purchase: string}>} begin
 * @property {(purchase: string, claim: string) => Promise<{release?: string, sealed: string,
 *   h_s: string, wrapped_key: string, content_id: string}>} release
 * @property {() => Promise<{header: Stretch, index: Stretch}>} ranges
 * @property {(purchase: string, claim: string) => Promise<{urls: {url: string, bytes: number}[]}>}
 *   location
 * @property {(stretch: Stretch) => Promise<Bytes>} read
 * @property {(ms: number) => Promise<void>} wait
 *
 * @typedef {object} Sold
 * @property {string} paidFileId
 * @property {Bytes} contentId
 * @property {Bytes} contentKey  M
 * @property {Bytes} link        L
 * @property {Bytes} releaseHash h_S
 * @property {Bytes | null} [metaLink]  where the object's own description is under an older link
 */

/**
 * @param {Sold} sold
 * @param {Asked} ask
 * @returns {Promise<string>} the purchase that proves it
 * @throws {import('../crypto/errors.js').KimError} at the first thing a buyer would stumble over
 */
export async function run(sold, ask) {
  const seed = random(32);
  const claim = toBase64url(claimSecret(seed));
  const keys = await deriveKeyPair(buyerKeySeed(seed));
  const { purchase } = await ask.begin({ buyerKey: toBase64url(keys.publicKey), claim });
  const seen = await inspectStored(sold, ask);
  const { sealed, wrapped } = await untilReleased(purchase, claim, ask);
  const context = {
    paidFileId: sold.paidFileId,
    purchaseId: purchase,
    contentId: sold.contentId,
  };
  const release = await openRelease(sealed, keys, context);
  checkRelease(release, sold.releaseHash);
  const wraps = [wrapped, ...seen.records.wraps];
  const key = await unwrap(wraps, { release, link: sold.link, header: seen.header });
  if (!isEqual(key, sold.contentKey)) throw new Forged('another key came out than went in');
  await openSamples({ purchase, claim, key, seen }, ask);
  return purchase;
}

/**
 * What a buyer's page checks before it shows a Buy button.
 * @param {Sold} sold
 * @param {Asked} ask
 */
async function inspectStored(sold, ask) {
  const ranges = await ask.ranges();
  const [head, index] = await Promise.all([ask.read(ranges.header), ask.read(ranges.index)]);
  // The size of the object itself is compared where its address is handed out, below.
  const { totalSize } = parseHeader(head);
  const seen = await inspect({ head, index, totalSize }, { expected: sold.contentId });
  const metaLink = sold.metaLink ?? seen.records.metaLink;
  if (!metaLink) throw new Damaged('the description is missing');
  await openMeta(metaLink, sold.link, seen.header);
  return seen;
}

/**
 * @param {string} purchase
 * @param {string} claim
 * @param {Asked} ask
 */
async function untilReleased(purchase, claim, ask) {
  for (let round = 0; ; round += 1) {
    const answer = await ask.release(purchase, claim);
    if (answer.release !== 'pending') {
      return { sealed: fromBase64url(answer.sealed), wrapped: fromBase64url(answer.wrapped_key) };
    }
    await ask.wait(PENDING_MS * Math.min(10, 1 + round));
  }
}

/**
 * First, last, and some in between, from the object as it lies in the store.
 * @param {{purchase: string, claim: string, key: Bytes, seen: Inspected}} found
 * @param {Asked} ask
 */
async function openSamples({ purchase, claim, key, seen: { header, rows } }, ask) {
  const { urls } = await ask.location(purchase, claim);
  const copy = urls[0];
  if (!copy) throw new Damaged('the server names no copy of the file');
  header.checkSize(copy.bytes);
  const opener = new Opener(header, key);
  for (const segment of samplesOf(header.segmentCount)) {
    const from = header.segmentOffset(segment);
    const bytes = header.storedSizeOf(segment);
    const headers = { Range: `bytes=${from}-${from + bytes - 1}` };
    const stored = await ask.read({ url: copy.url, headers, bytes });
    await opener.openOne(segment, stored, rows.slice(segment * ROW_SIZE, (segment + 1) * ROW_SIZE));
  }
}

/**
 * @param {number} count
 * @returns {number[]} different segments, in order
 */
function samplesOf(count) {
  const chosen = new Set([0, count - 1]);
  const drawn = new Uint32Array(random(4 * SAMPLES).buffer);
  for (const number of drawn) chosen.add(number % count);
  return [...chosen].sort((one, other) => one - other);
}
