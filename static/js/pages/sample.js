/**
 * Looking inside before paying: the segments that the creator shows, each compared with the index
 * that content_id commits to, and then played or shown. What fails its check is never shown.
 * @module
 */
import { fromBase64url, toHex } from '../crypto/bytes.js';
import { Damaged, Forged, KimError } from '../crypto/errors.js';
import { checkKeys, parseEntries } from '../crypto/showing.js';
import { Sampled, SampleEnds } from '../io/sampled.js';
import { canServe, serveMedia } from '../io/served.js';
import * as net from '../net/showing.js';
import { mark, t } from '../texts/say.js';
import { make } from '../ui/dom.js';
import { shownAs } from '../ui/playable.js';
import { register } from '../ui/trusted.js';

/**
 * @import { Proven } from '../io/unlocking.js'
 * @import { Offer } from '../net/buyer.js'
 * @import { SignedRun } from '../net/showing.js'
 * @import { Shown } from '../ui/playable.js'
 *
 * @typedef {object} Page
 * @property {HTMLElement} place
 * @property {(words: string) => void} say
 * @property {(error: unknown) => void} fail
 */

const CHECKED = mark('This is a piece of the very file on sale: checked.');
const ENDS = mark('The sample ends where its keys end. The rest opens once it is paid.');
/** Without a service worker a piece is played from memory. */
const BLOB_BYTES = 64 * 2 ** 20;
const TEXT_BYTES = 2 ** 20;

/**
 * @param {Offer} offer
 * @param {Proven} proven
 * @param {Page} page
 * @returns {Promise<() => void>} closes it, and forgets what was opened
 * @throws {KimError} `sample_wrong` before anything is shown
 */
export async function look(offer, proven, page) {
  const stop = new AbortController();
  /** @type {Array<() => void>} */
  const endings = [() => stop.abort()];
  const close = () => {
    for (const end of endings.splice(0)) end();
    page.place.replaceChildren();
    page.place.hidden = true;
  };
  const fail = (/** @type {unknown} */ error) => {
    close();
    page.fail(plainly(error));
  };
  try {
    const sampled = await opened(offer, proven, stop.signal);
    const shown = shownAs({ ...proven.meta, sizeBytes: Math.min(offer.payload_bytes, TEXT_BYTES) });
    if (!shown) throw cannotShow();
    page.place.hidden = false;
    page.place.dataset['kind'] = shown.kind;
    const { name } = proven.meta;
    if (shown.kind === 'image') await picture(sampled, { ...shown, name }, page.place, endings);
    else if (shown.kind === 'text') await text(sampled, page.place);
    else if (await canServe(register)) {
      const sizeBytes = offer.payload_bytes;
      play(sampled, { ...shown, name, sizeBytes }, { ...page, fail }, endings);
    } else await playBlob(sampled, shown, page.place, endings);
    page.say(t(CHECKED));
    return close;
  } catch (error) {
    close();
    throw plainly(error);
  }
}

/**
 * @param {Offer} offer
 * @param {Proven} proven
 * @param {AbortSignal} signal
 * @returns {Promise<Sampled<SignedRun>>} every key of it is the committed one
 */
async function opened(offer, { header, rows, contentId }, signal) {
  const [sample, { segments }] = await Promise.all([
    net.sample(offer.id),
    net.runs(offer.id, 'sample'),
  ]);
  if (sample.content_id !== toHex(contentId)) throw new Damaged('the sample is of another content');
  const keys = parseEntries(fromBase64url(sample.entries));
  checkKeys(header, rows, keys);
  return new Sampled({ header, rows, keys, runs: segments, fetch: net.stream, signal });
}

/**
 * @param {Sampled<SignedRun>} sampled
 * @param {Shown & {name: string, sizeBytes: number}} media
 * @param {Page} page
 * @param {Array<() => void>} endings
 */
function play(sampled, { kind, type, name, sizeBytes }, page, endings) {
  let isOver = false;
  const served = serveMedia({
    ...{ type, sizeBytes, register },
    open: (from, to) => sampled.reader(from, to),
    onFailure: (error) => {
      if (error instanceof SampleEnds) {
        isOver = true;
        page.say(`${t(CHECKED)} ${t(ENDS)}`);
      } else if (error instanceof KimError) page.fail(error);
    },
  });
  const frame = /** @type {HTMLIFrameElement} */ (make('iframe', { class: 'player' }));
  frame.title = t('A piece of {name}', { name });
  frame.allow = 'autoplay; fullscreen; picture-in-picture';
  frame.src = `/x/play#${kind}/${served.token}`;
  let isShown = false;
  /** @param {MessageEvent} event */
  const hear = ({ data, source }) => {
    if (source !== frame.contentWindow || data?.kim !== 'player') return;
    if (data.state === 'shown') isShown = true;
    if (data.state === 'failed' && !isShown) page.fail(isOver ? tooShort() : cannotShow());
    else if (data.width > 0) frame.style.aspectRatio = `${data.width} / ${data.height}`;
  };
  addEventListener('message', hear);
  endings.push(() => {
    removeEventListener('message', hear);
    served.close();
  });
  page.place.append(frame);
}

/**
 * @param {Sampled<SignedRun>} sampled
 * @param {Shown} shown
 * @param {HTMLElement} place
 * @param {Array<() => void>} endings
 */
async function playBlob(sampled, { kind, type }, place, endings) {
  if (sampled.startSize > BLOB_BYTES) throw cannotShow();
  const media = /** @type {HTMLMediaElement} */ (document.createElement(kind));
  media.controls = true;
  media.className = 'player';
  media.src = urlOf(await sampled.start(), type, endings);
  place.append(media);
}

/**
 * @param {Sampled<SignedRun>} sampled
 * @param {Shown & {name: string}} shown
 * @param {HTMLElement} place
 * @param {Array<() => void>} endings
 */
async function picture(sampled, { type, name }, place, endings) {
  const image = document.createElement('img');
  image.alt = t('A piece of {name}', { name });
  image.src = urlOf(await sampled.start(), type, endings);
  await new Promise((resolve, reject) => {
    image.onload = resolve; // a picture that ends early is drawn as far as it goes
    image.onerror = () => reject(tooShort());
  });
  place.append(image);
}

/**
 * @param {Sampled<SignedRun>} sampled
 * @param {HTMLElement} place
 */
async function text(sampled, place) {
  const bytes = (await sampled.start()).subarray(0, TEXT_BYTES);
  const pre = make('pre', { text: new TextDecoder().decode(bytes, { stream: true }) });
  pre.tabIndex = 0; // it scrolls, also by keyboard
  place.append(pre);
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} type
 * @param {Array<() => void>} endings
 */
function urlOf(bytes, type, endings) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  endings.push(() => URL.revokeObjectURL(url));
  return url;
}

/** @param {unknown} error */
function plainly(error) {
  if (!(error instanceof Damaged || error instanceof Forged)) return error;
  const hint = t(
    'Nothing of it was shown. Ask whoever sent you the link, and do not buy until then.',
  );
  return new KimError('sample_wrong', hint, t('The sample does not belong to this file.'), {
    cause: error,
  });
}

function cannotShow() {
  return new KimError(
    'cannot_show',
    t('Try another browser. The sample itself was checked and belongs to this file.'),
    t('This browser cannot show this kind of file.'),
  );
}

function tooShort() {
  return new KimError(
    'sample_short',
    t('The sample itself was checked and belongs to this file.'),
    t('The sample is too short for this browser to show anything of it.'),
  );
}
