/**
 * Drives itself: makes a file, then sends and fetches it plainly and through the product's own
 * pipeline, in turns, and notes seconds and processor time of each. Query: mib, rounds.
 * @module
 */
import { fromHex, random, toBase64url, toHex } from '../../../static/js/crypto/bytes.js';
import { inspect } from '../../../static/js/crypto/container.js';
import { parseHeader } from '../../../static/js/crypto/header.js';
import { deriveKeyPair } from '../../../static/js/crypto/hpke.js';
import { buyerKeySeed, claimSecret, releaseHash } from '../../../static/js/crypto/keys.js';
import { Download } from '../../../static/js/io/download.js';
import { workerCount } from '../../../static/js/io/pool.js';
import { single } from '../../../static/js/io/selection.js';
import { diskSink } from '../../../static/js/io/disk.js';
import * as buyer from '../../../static/js/net/buyer.js';
import { read } from '../../../static/js/net/bytes.js';
import { Copies } from '../../../static/js/net/copies.js';
import * as creator from '../../../static/js/net/creator.js';
import { secretsOf } from '../../../static/js/pages/sealing.js';
import { Sending } from '../../../static/js/pages/sending.js';
import { spawn } from '../../../static/js/ui/trusted.js';
import { signUp, username } from './account.js';
import { drive, makeFile, measure, rounds } from './gauge.js';
import * as plain from './plain.js';

/** @import { Draft } from '../../../static/js/io/store.js' */
/** @import { Sink } from '../../../static/js/io/sinks.js' */

const PART = 8 * 2 ** 20;
const root = random(32);

/**
 * The product's way, up to the last acknowledged part; what the server does then is not measured.
 * @param {File} file
 * @param {number} round
 * @returns {Promise<Draft>}
 */
async function sendSealed(file, round) {
  /** @type {Promise<Draft> | undefined} */
  let ready;
  await measure('encrypted upload', round, () => {
    return new Promise((resolve, reject) => {
      const sending = new Sending(username, ({ state }) => {
        if (state === 'finalising') resolve(undefined);
      });
      ready = sending.start(single(file), root);
      ready.catch(reject);
    });
  });
  return /** @type {Promise<Draft>} */ (ready);
}

/** @param {File} file @param {number} round */
async function sendPlain(file, round) {
  const shape = { partBytes: PART, lanes: Math.min(4, workerCount() + 2) };
  const forget = await measure('plain upload', round, () => plain.upload(file, shape));
  await forget();
}

/**
 * Everything a buyer's page has at the moment save is pressed.
 * @param {Draft} draft  verified
 */
async function buy(draft) {
  const { key, release } = secretsOf(root, draft);
  const price = { amount: '0.001', currency: 'BCH' };
  const file = await creator.createFile({
    ...{ title: 'Bench', description: '', price },
    upload: draft.uploadId,
  });
  await creator.depositSecret(file.id, {
    content_id: draft.contentId,
    generation: 0,
    wrapped_key: draft.wrapped,
    h_s: toHex(releaseHash(release)),
    s: toBase64url(release),
  });
  const seed = random(32);
  const claim = toBase64url(claimSecret(seed));
  const keys = await deriveKeyPair(buyerKeySeed(seed));
  const buyerKey = toBase64url(keys.publicKey);
  const { purchase } = await creator.beginSelftest(file.id, { buyerKey, claim });
  const ranges = await creator.ranges(file.id);
  const [head, index] = await Promise.all([read(ranges.header), read(ranges.index)]);
  const { totalSize } = parseHeader(head);
  const { header, rows } = await inspect(
    { head, index, totalSize },
    { expected: fromHex(draft.contentId) },
  );
  return { header, rows, contentKey: key, purchase, claim, contentId: draft.contentId };
}

/** @returns {Promise<Sink>} the product's, but emptied where it would be handed to the person */
async function emptiedSink() {
  const sink = await diskSink(() => spawn('disk'));
  return { write: sink.write, discard: sink.discard, finish: () => sink.discard() };
}

/** @typedef {Awaited<ReturnType<typeof buy>>} Bought */

/** @param {Bought} bought @param {number} round */
async function fetchSealed({ purchase, claim, contentId, ...sealed }, round) {
  await measure('encrypted download', round, async () => {
    const copies = new Copies((signal) => buyer.location(purchase, claim, contentId, signal));
    const download = new Download({
      ...sealed,
      sink: await emptiedSink(),
      spawn: () => spawn('open'),
      workers: workerCount(),
      read: (from, to, signal) => copies.read(from, to, signal),
      pause: async () => {
        throw new Error('the download was interrupted');
      },
      signal: new AbortController().signal,
    });
    await download.run('bench.bin');
  });
}

/** @param {Bought} bought @param {number} round */
async function fetchPlain({ purchase, claim, contentId }, round) {
  await measure('plain download', round, async () => {
    const { urls } = await buyer.location(purchase, claim, contentId);
    await plain.downloadTo(urls[0]?.url ?? '', await emptiedSink());
  });
  await measure('plain download, discarded', round, async () => {
    const { urls } = await buyer.location(purchase, claim, contentId);
    await plain.download(urls[0]?.url ?? '', async (buffer) => buffer);
  });
}

async function run() {
  await signUp();
  const file = await makeFile();
  for (let round = 1; round <= rounds; round += 1) {
    // Each goes first in every other round: what warms up or tires touches both alike.
    if (round % 2) await sendPlain(file, round);
    const bought = await buy(await sendSealed(file, round));
    if (round % 2 === 0) await sendPlain(file, round);
    if (round % 2) await fetchPlain(bought, round);
    await fetchSealed(bought, round);
    if (round % 2 === 0) await fetchPlain(bought, round);
  }
}

await drive(run);
