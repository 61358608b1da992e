/**
 * From a checked upload to a link: page, secret, the buyer's path once, publication.
 * Each step may be repeated; a second press goes on where the first one stopped.
 * @module
 */
import { fromBase64url, fromHex, toBase64url, toHex } from '../crypto/bytes.js';
import { parseHeader } from '../crypto/header.js';
import { releaseHash } from '../crypto/keys.js';
import { auditCount, auditSegments, entriesFor } from '../crypto/showing.js';
import * as selftest from '../io/selftest.js';
import * as store from '../io/store.js';
import * as unfinished from '../io/unfinished.js';
import { ApiError } from '../net/api.js';
import { wait } from '../net/backoff.js';
import { read } from '../net/bytes.js';
import * as creator from '../net/creator.js';
import { drawAudit, keepAudit } from '../net/showing.js';
import { t } from '../texts/say.js';
import { secretsOf } from './sealing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Draft } from '../io/store.js'
 * @import { FileView, Price } from '../net/creator.js'
 * @import { Showing } from './showing.js'
 */

/**
 * @typedef {object} Fields
 * @property {string} title
 * @property {string} description
 * @property {Price} price
 * @property {number} confirmations
 * @property {import('../ui/pricefield.js').Pricing} pricing
 * @property {boolean} [is_instant]  sold before a block
 * @property {import('./showcase.js').Choices} [showcase]  how its page is shown
 * @property {boolean} [stream_only] buyers are asked to watch it in the page
 */

/**
 * @param {Draft} draft  verified
 * @param {{root: Bytes, fields: Fields, onStep: (words: string) => void, showing?: Showing}} known
 * @returns {Promise<FileView>} published
 */
export async function publish(draft, { root, fields, onStep, showing }) {
  const { key, release, link, generation } = secretsOf(root, draft);
  onStep(t('Making the page'));
  const file = await pageOf(draft, fields);
  draft.paidFileId = file.id;
  await store.keepDraft(draft);
  onStep(t('Depositing the sealed half of the key'));
  await creator.depositSecret(file.id, {
    content_id: draft.contentId,
    generation,
    wrapped_key: draft.wrapped,
    h_s: toHex(releaseHash(release)),
    s: toBase64url(release),
  });
  const header = parseHeader(draft.core);
  await audit(file.id, draft, key, onStep);
  onStep(t('Putting up what people may see'));
  await showing?.keep(file.id, { key, header });
  onStep(t('Opening it once as a buyer would'));
  const sold = {
    paidFileId: file.id,
    contentId: fromHex(draft.contentId),
    contentKey: key,
    link,
    releaseHash: releaseHash(release),
  };
  const purchase = await selftest.run(sold, {
    begin: (buyer) => creator.beginSelftest(file.id, buyer),
    release: creator.release,
    ranges: () => creator.ranges(file.id),
    location: creator.location,
    read,
    wait,
  });
  onStep(t('Publishing'));
  const published = await creator.publish(file.id, purchase);
  await Promise.all([store.dropDraft(draft.uploadId), unfinished.dropForm(draft.uploadId)]);
  return published;
}

/**
 * The server draws a few segments and opens them with their keys: buyers see that it did. Which ones
 * follows from its nonce by a rule of ours: it cannot ask for others.
 * @param {string} paidFileId
 * @param {{core: Bytes, contentId: string}} content
 * @param {Bytes} key  M, which stays here
 * @param {(words: string) => void} onStep
 * @param {{drawAudit: typeof drawAudit, keepAudit: (id: string, entries: string) => Promise<unknown>}}
 *   [ask]  of what is to take a file's place it is asked elsewhere
 */
export async function audit(
  paidFileId,
  { core, contentId },
  key,
  onStep,
  ask = { drawAudit, keepAudit },
) {
  const header = parseHeader(core);
  const count = auditCount(header.segmentCount);
  if (count === 0) return;
  onStep(t('Opening a few pieces that the server draws'));
  const { nonce } = await ask.drawAudit(paidFileId);
  const segments = auditSegments(
    fromHex(contentId),
    fromBase64url(nonce),
    header.segmentCount,
    count,
  );
  await ask.keepAudit(paidFileId, toBase64url(entriesFor(key, header, segments)));
}

/**
 * @param {Draft} draft
 * @param {Fields} fields
 * @returns {Promise<FileView>} a draft on the server, new or from a press that did not get through
 */
async function pageOf(draft, fields) {
  if (draft.paidFileId) return creator.changeFile(draft.paidFileId, fields);
  try {
    return await creator.createFile({ ...fields, upload: draft.uploadId });
  } catch (error) {
    // The answer to an earlier try may have been lost on its way, while the draft was made.
    if (!(error instanceof ApiError) || error.status === 400) throw error;
    const { files } = await creator.files();
    const made = files.find((file) => file.upload?.id === draft.uploadId);
    if (!made) throw error;
    return creator.changeFile(made.id, fields);
  }
}
