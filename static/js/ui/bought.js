/**
 * One purchase in the library, in plain words.
 * @module
 */
import { mark, t } from '../texts/say.js';
import { fromTemplate, make, one, slot } from './dom.js';
import * as format from './format.js';

/** @import { Held } from '../net/library.js' */

/**
 * @typedef {object} Shown
 * @property {string} href  where it is opened
 * @property {string} receipt  '' where there is none yet
 * @property {number} boughtAt  milliseconds
 * @property {Held | undefined} held  undefined: never looked up
 * @property {boolean} isLost  looked up, and the server does not know it
 */

/** @type {Record<string, [string, string]>} */
const BADGES = {
  '': [mark('Waiting for the creator'), 'amber'],
  OPEN: [mark('Not paid yet'), 'amber'],
  PARTIAL: [mark('Something is missing'), 'amber'],
  SEEN: [mark('Waiting for a block'), ''],
  SUSPECT: [mark('Waiting for a block'), 'amber'],
  PAID: [mark('Paid'), 'go'],
  EXPIRED: [mark('Not paid'), ''],
  REVERSED: [mark('Payment undone'), 'red'],
};
const LOST = mark(
  'This site does not know it at the moment. Open it: the promise that this browser kept may bring it back.',
);

/** @returns {HTMLElement} a row, to be filled by fill */
export function emptyRow() {
  return one(fromTemplate('bought'), 'li');
}

/**
 * @param {HTMLElement} row
 * @param {Shown} shown
 */
export function fill(row, { href, receipt, boughtAt, held, isLost }) {
  const title = /** @type {HTMLAnchorElement} */ (slot(row, 'title'));
  title.textContent = held?.file.title ?? t('A purchase');
  title.href = href;
  slot(row, 'facts').textContent = factsOf(held, boughtAt);
  const [badge, tone] = isLost ? [t('Not found'), 'amber'] : badgeOf(held);
  slot(row, 'badge').textContent = badge;
  slot(row, 'badge').className = `badge ${tone}`;
  const says = isLost ? t(LOST) : saysOf(held);
  slot(row, 'says').textContent = says;
  slot(row, 'says').hidden = says === '';
  const notes = held && !isLost ? notesOf(held) : '';
  slot(row, 'notes').textContent = notes;
  slot(row, 'notes').hidden = notes === '';
  const link = /** @type {HTMLAnchorElement} */ (slot(row, 'receipt'));
  link.hidden = receipt === '';
  link.href = receipt;
  drawPicture(slot(row, 'picture'), held);
}

/** @param {Held} held */
export function isReady(held) {
  return held.release !== 'none';
}

/**
 * @param {Held | undefined} held
 * @returns {[string, string]}
 */
function badgeOf(held) {
  if (!held) return [t('Not looked up yet'), ''];
  if (held.refund && !held.refund.closed_at) return [t('Money goes back to you'), 'amber'];
  if (held.is_withdrawn) return [t('Called off'), 'amber'];
  if (held.release === 'ready') {
    return held.file.state === 'removed' ? [t('Yours · removed'), 'amber'] : [t('Ready'), 'go'];
  }
  if (held.release === 'pending') return [t('The key is on its way'), 'go'];
  const [said, tone] = BADGES[held.state] ?? [held.state, ''];
  return [t(said), tone];
}

/** @param {Held | undefined} held */
function saysOf(held) {
  if (!held || held.release === 'ready') return '';
  return held.says;
}

/** @param {Held} held */
function notesOf(held) {
  const notes = [...held.notes];
  if (held.file.state === 'paused') notes.push(t('Its creator has paused it. Yours still opens.'));
  if (held.file.state === 'removed') {
    const { removed_reason: reason } = held.file;
    notes.push(
      reason
        ? t('Its creator removed it and says: {reason}', { reason })
        : t('Its creator removed it.'),
    );
  }
  return notes.join(' ');
}

/**
 * @param {Held | undefined} held
 * @param {number} boughtAt
 */
function factsOf(held, boughtAt) {
  const when = format.date(held?.created_at ?? boughtAt);
  if (!held) return when;
  return [held.file.creator, costOf(held), when, held.is_proof ? t('your own test') : '']
    .filter(Boolean)
    .join(' · ');
}

/** @param {Held} held */
function costOf({ grant, price, due_sat: due, seen_sat: seen, settled_at: settledAt }) {
  if (grant === 'again') return t('given again');
  if (!price) return grant ? t('free') : '';
  const coins = format.coins(settledAt ? seen : due);
  return price.currency === 'BCH' ? coins : `${format.price(price)} · ${coins}`;
}

/**
 * @param {HTMLElement} place
 * @param {Held | undefined} held
 */
function drawPicture(place, held) {
  const cover = held?.file.cover ?? '';
  if (cover && place.dataset['cover'] === cover) return;
  place.dataset['cover'] = cover;
  if (!cover) {
    place.textContent = (held?.file.title ?? '?').trim().charAt(0).toUpperCase();
    return;
  }
  const picture = /** @type {HTMLImageElement} */ (make('img'));
  picture.src = cover;
  picture.alt = '';
  picture.loading = 'lazy';
  picture.decoding = 'async';
  place.replaceChildren(picture);
}
