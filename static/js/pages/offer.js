/**
 * The buyer's page of a file: shows that the link is complete and belongs to what is sold, and only
 * then lets anybody buy it.
 * @module
 */
import { toHex } from '../crypto/bytes.js';
import { codeIn, parseShareFragment, returnFragment } from '../crypto/links.js';
import * as remembered from '../io/buyer.js';
import { sweep } from '../io/halves.js';
import { CannotWork, probe } from '../io/probe.js';
import * as sinks from '../io/sinks.js';
import { safeName } from '../io/unlocking.js';
import * as buyer from '../net/buyer.js';
import { learnRest, many, mark, t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { linkRow } from '../ui/linkrow.js';
import { cannotPlay } from '../ui/playable.js';
import { isPlain } from '../ui/priced.js';
import * as problem from '../ui/problem.js';
import { spawn } from '../ui/trusted.js';
import { arrive } from './arrive.js';
import { offerLook, showAudit } from './looking.js';
import { means } from './places.js';
import { fetchStored, plainly, proveOffer } from './proof.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Proven } from '../io/unlocking.js'
 * @import { Offer } from '../net/buyer.js'
 * @import { Asking } from './pricing.js'
 */

const root = byId('offer');
const place = byId('problem');
const fileId = root.dataset['file'] ?? '';
const buy = action(root, 'buy');

arrive();
addEventListener('pageshow', () => setBusy(false));
void begin();

async function begin() {
  const gate = document.getElementById('gate');
  if (gate) await (await import('./adult.js')).passed(gate, root);
  await start();
}

async function start() {
  showProof('waiting', t('Checking the link and the file…'));
  buy.hidden = true;
  const asking = buyer.offer(fileId);
  const stored = fetchStored(fileId);
  // Tried while the network is asked.
  const probing = probe(() => spawn('open'));
  for (const early of [asking, stored, probing]) early.catch(() => undefined);
  let hasNewLink = false;
  try {
    const offer = await asking;
    hasNewLink = offer.link_generation > 0;
    showOffer(offer);
    const code = codeIn(location.hash);
    const asked =
      isPlain(offer.selling) && !code
        ? null
        : await (await import('./pricing.js')).showPricing(root, offer, code);
    const link = parseShareFragment(location.hash);
    const finding = means();
    finding.catch(() => undefined);
    if (offer.state !== 'published') {
      showProof('failed', t('Not for sale at the moment. The creator has paused it.'));
    } else {
      const [proven] = await Promise.all([proveOffer(offer, link, stored), probing]);
      showProven(proven);
      offerLook(root, offer, proven);
      showAudit(root, offer, proven);
      showPlayable(proven, offer);
      offerToShare(offer, link);
      if (offer.showcase.shows_contents && proven.header.isBundle) {
        const [{ showContents }] = await Promise.all([import('./contents.js'), learnRest()]);
        showContents(root, proven.meta);
      }
      showMeans(await finding, offer.payload_bytes, proven.header.isBundle);
      if (!asked?.closed) offerToBuy(offer, link, asked);
    }
    await showKnown(fileId);
  } catch (error) {
    showProof('failed', '');
    // A browser that is unfit fails in many ways; the reason is told, not its consequence.
    const cause = await probing.then(
      () => error,
      (unfit) => unfit,
    );
    problem.show(place, plainly(cause, 'share', hasNewLink), { retry: () => void start() });
    // Inside another app's browser the address bar is often out of reach.
    if (cause instanceof CannotWork) place.append(linkRow(location.href));
  }
}

/** @param {Offer} offer */
function showOffer(offer) {
  slot(root, 'size').textContent = format.bytes(offer.payload_bytes);
  slot(root, 'price').textContent = format.price(offer.price);
  const { price_sat_estimate: sat, price } = offer;
  slot(root, 'other').textContent =
    sat === null || price.currency === 'BCH'
      ? ''
      : t('about {amount} · fixed when you press Buy', { amount: rounded(sat) });
}

/** @param {Proven} proven */
function showProven({ meta, header, contentId }) {
  showProof('proven', t('This link is complete and belongs to this file'));
  const name = slot(root, 'name');
  const kind = header.isBundle ? many(meta.count, '1 file', '{count} files') : kindOf(meta.type);
  name.textContent = [safeName(meta.name), kind].filter(Boolean).join(' · ');
  name.hidden = false;
  slot(root, 'content-id').textContent = toHex(contentId);
  slot(root, 'proofs').hidden = false;
  copies(action(root, 'copy-id'), () => toHex(contentId), t('Copied'));
}

/**
 * Told before anything is paid: what this browser cannot play, and that it is for watching here.
 * @param {Proven} proven
 * @param {Offer} offer
 */
function showPlayable({ meta, header }, offer) {
  root.querySelector('[data-testid="unplayable"]')?.remove();
  const unplayable = header.isBundle ? '' : cannotPlay(meta.type, meta.name);
  const watched =
    offer.stream_only && !unplayable
      ? t(
          'The creator asks buyers to watch this in the page, not to save it. The key to it is yours all the same.',
        )
      : '';
  if (!unplayable && !watched) return;
  const note = make('p', { class: 'notice amber', text: unplayable || watched });
  note.dataset['testid'] = 'unplayable';
  slot(root, 'name').after(note);
}

/**
 * Told before anything is paid: what this browser can save, and that it may forget.
 * @param {import('../io/sinks.js').Means} found
 * @param {number} sizeBytes
 * @param {boolean} isBundle
 */
function showMeans(found, sizeBytes, isBundle) {
  void sweep();
  if (sinks.choose(found, sizeBytes)) return;
  const most = format.bytes(sinks.largest(found), 2);
  const size = format.bytes(sizeBytes);
  showLimit(
    isBundle
      ? t(
          'This browser can save up to {most} at once here: the files of this one alone, but not all {size} as one zip.',
          { most, size },
        )
      : t('This browser can save files of up to {most} here; this one has {size}.', { most, size }),
    t(
      'Open this link in your own browser, outside of any app, or in Chrome or Edge on a computer. You may also buy here and open the file there with your return link.',
    ),
  );
}

/**
 * @param {string} said
 * @param {string} hint
 */
function showLimit(said, hint) {
  const note = slot(root, 'unsaveable');
  note.replaceChildren(make('p', { text: said }), make('p', { class: 'hint', text: hint }));
  note.hidden = false;
}

/**
 * @param {Offer} offer
 * @param {Bytes} link  L
 * @param {Asking | null} asked  where the price is more than a number
 */
function offerToBuy(offer, link, asked) {
  if (offer.rate_missing && !asked?.isFree) {
    problem.show(
      place,
      Object.assign(
        new Error(mark('There is no exchange rate at the moment, so no price in BCH.')),
        {
          hint: mark('We do not guess. This passes by itself, usually within minutes.'),
        },
      ),
      { retry: () => void start() },
    );
    return;
  }
  buy.hidden = false;
  buy.textContent = buy.dataset['label'] = asked?.label ?? t('Buy');
  // A hand that comes near is most often one that presses.
  for (const near of ['pointerenter', 'pointerdown', 'focus']) {
    buy.addEventListener(near, fetchOrdering, { once: true });
  }
  buy.onclick = async () => {
    if (buy.disabled) return;
    const wish = asked?.read() ?? {};
    if (!wish) return;
    setBusy(true);
    problem.hide(place);
    try {
      fetchOrdering();
      const { order } = await import('./ordering.js');
      const seen = { ...wish, content_id: offer.content_id };
      location.replace(await order(offer.id, link, { wish: seen }));
    } catch (error) {
      setBusy(false);
      problem.show(place, error);
    }
  };
}

/**
 * @param {Offer} offer
 * @param {Bytes} link  L
 */
function offerToShare(offer, link) {
  const button = action(root, 'share');
  button.hidden = false;
  button.onclick = async () => {
    const [{ share }] = await Promise.all([import('./sharing.js'), learnRest()]);
    await share(offer, link);
  };
}

/** What Buy needs and the page behind it, all at once instead of one import after the other. */
function fetchOrdering() {
  const later = document.getElementById('at-buy');
  if (!(later instanceof HTMLTemplateElement)) return;
  document.head.append(later.content);
  later.remove();
  learnRest().catch(() => undefined);
}

/**
 * Somebody who ordered here before goes on with that order instead of paying for another one.
 * @param {string} paidFileId
 */
async function showKnown(paidFileId) {
  const known = await remembered.lastPurchaseOf(paidFileId);
  if (!known) return;
  const go = make('a', { class: 'primary', text: t('Go to your order') });
  go.setAttribute('href', `/p/${known.purchaseId}${returnFragment(known.link, known.seed)}`);
  const time = format.dateTime(known.boughtAt);
  const note = slot(root, 'known');
  note.replaceChildren(
    make('p', { text: t('You ordered this file in this browser on {time}.', { time }) }),
    make('div', { class: 'actions' }, go),
  );
  note.hidden = false;
  buy.className = 'plain';
  buy.textContent = t('Buy again');
}

/**
 * @param {'waiting' | 'proven' | 'failed'} state
 * @param {string} text  '' to show nothing
 */
function showProof(state, text) {
  const line = slot(root, 'proof');
  line.dataset['state'] = state;
  line.hidden = !text;
  slot(line, 'proof-said').textContent = text;
  line.querySelector('svg')?.toggleAttribute('hidden', state !== 'proven');
}

/**
 * @param {number} sat
 * @returns {string} "0.005 BCH": an estimate needs no eight digits
 */
function rounded(sat) {
  const amount = Number((sat / 1e8).toPrecision(4))
    .toFixed(8)
    .replace(/0+$/, '')
    .replace(/\.$/, '');
  return format.price({ amount, currency: 'BCH' });
}

/**
 * @param {string} type  MIME type
 * @returns {string} a word for it; '' where there is none that helps
 */
function kindOf(type) {
  const [family = ''] = type.split('/');
  const words = { video: t('video'), audio: t('audio'), image: t('picture'), text: t('text') };
  if (Object.hasOwn(words, family)) return words[/** @type {'video'} */ (family)];
  return { 'application/pdf': 'PDF', 'application/zip': t('ZIP archive') }[type] ?? '';
}

/** @param {boolean} isBusy */
function setBusy(isBusy) {
  buy.disabled = isBusy;
  buy.toggleAttribute('aria-busy', isBusy);
  if (isBusy) buy.textContent = t('Ordering…');
  else if (buy.textContent === t('Ordering…')) buy.textContent = buy.dataset['label'] ?? t('Buy');
}
