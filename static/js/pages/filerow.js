/**
 * One file on the dashboard: what it is, what it brought in, its link again, and all that can be done.
 * @module
 */
import * as creator from '../net/creator.js';
import { copy } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, fromTemplate, make, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { showLink } from '../ui/link.js';
import { besideWords, closedWords, priceWords } from '../ui/priced.js';
import * as problem from '../ui/problem.js';
import { mark, t } from '../texts/say.js';
import { buyYourself, canProve, proofWords } from './buyself.js';
import { showCodes } from './codes.js';
import { edit } from './editing.js';
import { showEmbed } from './embedding.js';
import { showInside } from './inside.js';
import { isRootOf, linkOf } from './keys.js';
import { showPlaces } from './lying.js';
import { openRemove } from './removing.js';
import { openReplace } from './replacing.js';
import { openRotate } from './rotating.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Row } from '../net/dashboard.js'
 *
 * @typedef {object} Here  what this browser and its person have
 * @property {Set<string | null>} drafts  the paid files whose uploads wait in it
 * @property {Bytes | undefined} root  R
 * @property {number | null} floorSat
 * @property {(file: Row) => Promise<Bytes | null>} rootFor  R of this file; null if it was not given
 * @property {() => Promise<void>} reload
 */

const STATES = {
  draft: { text: mark('Draft'), tone: '' },
  published: { text: mark('On sale'), tone: 'go' },
  paused: { text: mark('Paused'), tone: 'amber' },
  removed: { text: mark('Removed'), tone: 'red' },
};

/** @param {Row} file  @returns {import('../ui/priced.js').Selling} as far as it shows here */
function sellingOf({ pricing, takings, given }) {
  const left = pricing.stock === null ? null : Math.max(0, pricing.stock - takings.count - given);
  return { ...pricing, free_left: 0, left, is_sold_out: left === 0, free_at: null };
}

/** @param {Row} file  @param {boolean} isProvable */
function factsOf(file, isProvable) {
  const selling = sellingOf(file);
  const facts = [priceWords(file.price, selling), format.bytes(file.payload_bytes)];
  const closed = closedWords(selling, Date.now());
  const beside = closed ? [closed] : besideWords(file.price, selling, Date.now());
  facts.push(...beside.map((line) => line.replace(/\.$/, '')));
  facts.push(format.date(file.created_at, {}));
  if (isProvable) facts.push(t('address not proven yet'));
  return facts.join(' · ');
}

/** @param {HTMLElement} row  @param {Row} file */
function showSums(row, { state, takings, given, last_at: lastAt }) {
  slot(row, 'sums').hidden = state === 'draft';
  slot(row, 'sold').textContent = String(takings.count);
  slot(row, 'given').textContent = String(given);
  slot(row, 'given-cell').hidden = given === 0;
  slot(row, 'income').textContent = format.coins(takings.income_sat);
  slot(row, 'income-cell').hidden = takings.count === 0;
  const worth = takings.worth.map((each) => make('span', { text: format.price(each) }));
  slot(row, 'worth').replaceChildren(...worth);
  slot(row, 'worth-cell').hidden = worth.length === 0;
  slot(row, 'last').textContent = lastAt ? format.moment(lastAt) : '';
  slot(row, 'last-cell').hidden = !lastAt;
}

/** @param {HTMLElement} row  @param {Row} file */
function showCover(row, { id, cover }) {
  if (!cover) return;
  const image = /** @type {HTMLImageElement} */ (slot(row, 'cover'));
  image.src = `/f/${id}/cover?v=${cover}`;
  image.hidden = false;
}

/**
 * Wherever R is, every link stands in its row; elsewhere "Copy link" asks for the key.
 * @param {HTMLElement} row
 * @param {Row} file
 * @param {Bytes | undefined} root
 */
function showShare(row, file, root) {
  if (!root || !isRootOf(root, file)) return;
  const field = /** @type {HTMLInputElement} */ (slot(row, 'share'));
  field.value = linkOf(root, file);
  field.addEventListener('focus', () => field.select());
  field.hidden = false;
}

/**
 * @param {Row} file
 * @param {Here} here
 */
export function rowOf(file, here) {
  const row = one(fromTemplate('file-row'), 'li');
  const { text, tone } = STATES[file.state];
  const checks = { address_proven: file.is_proven };
  const provable = { state: file.state, floor_sat: here.floorSat, checks };
  row.dataset['file'] = file.id;
  slot(row, 'title').textContent = file.title;
  slot(row, 'state').textContent = t(text);
  slot(row, 'state').className = `badge ${tone}`;
  slot(row, 'facts').textContent = factsOf(file, canProve(provable));
  showSums(row, file);
  showCover(row, file);
  const hasLink = file.state === 'published' || file.state === 'paused';
  if (hasLink) showShare(row, file, here.root);
  action(row, 'prove').textContent = proofWords(provable);
  const offered = offers(file, here, hasLink, canProve(provable));
  for (const [name, act] of Object.entries(offered)) {
    if (act) offer(row, name, act);
  }
  for (const button of row.querySelectorAll('button[data-action]')) {
    const name = button.getAttribute('data-action') ?? '';
    /** @type {HTMLElement} */ (button).hidden = !offered[name];
  }
  slot(row, 'more').hidden = !slot(row, 'more').querySelector('button:not([hidden])');
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {string} name
 * @param {() => Promise<unknown>} act
 */
function offer(row, name, act) {
  const button = action(row, name);
  const place = slot(row, 'problem');
  let isBusy = false; // not disabled: a dialog gives the focus back to what had it
  button.addEventListener('click', async () => {
    if (isBusy) return;
    problem.hide(place);
    isBusy = true;
    await act().catch((error) => problem.show(place, error));
    isBusy = false;
  });
}

/**
 * What can be done, by the name of its button; what is null or missing is not offered.
 * @param {Row} file
 * @param {Here} here
 * @param {boolean} hasLink
 * @param {boolean} isProvable
 * @returns {Record<string, (() => Promise<unknown>) | null>}
 */
function offers(file, here, hasLink, isProvable) {
  const whole = () => creator.file(file.id);
  /** @param {(root: Bytes) => unknown} act */
  const withRoot = (act) => async () => {
    const root = await here.rootFor(file);
    if (root) await act(root);
  };
  /** @param {(root: Bytes) => Promise<boolean>} act */
  const changing = (act) => withRoot(async (root) => (await act(root)) && here.reload());
  const isDraft = file.state === 'draft';
  const isHere = isDraft && here.drafts.has(file.id);
  return {
    copy: hasLink ? withRoot((root) => copy(linkOf(root, file), t('Link copied'))) : null,
    link: hasLink
      ? withRoot((root) =>
          showLink(one(dialogs.open('link-shown'), '.link'), linkOf(root, file), file.title),
        )
      : null,
    edit: hasLink ? async () => (await edit(await whole())) && here.reload() : null,
    inside: hasLink ? changing(async (root) => showInside(await whole(), root)) : null,
    codes:
      hasLink && file.pricing.kind !== 'free'
        ? withRoot(async (root) => showCodes(await whole(), linkOf(root, file)))
        : null,
    embed: hasLink ? withRoot((root) => showEmbed(linkOf(root, file))) : null,
    places: hasLink ? async () => showPlaces(await whole()) : null,
    prove: isProvable ? withRoot((root) => buyYourself(file, root)) : null,
    pause: file.state === 'published' ? () => change(file, 'paused', here) : null,
    resume: file.state === 'paused' ? () => change(file, 'published', here) : null,
    replace: hasLink ? changing(async (root) => openReplace(await whole(), root)) : null,
    rotate: hasLink ? changing(async (root) => openRotate(await whole(), root)) : null,
    remove:
      file.state === 'paused'
        ? async () => (await openRemove(await whole())) && here.reload()
        : null,
    continue: isHere ? async () => location.assign('/sell/') : null,
    delete: isDraft && !isHere ? () => creator.removeDraft(file.id).then(here.reload) : null,
  };
}

/**
 * @param {Row} file
 * @param {'paused' | 'published'} state
 * @param {Here} here
 */
async function change(file, state, here) {
  await creator.changeFile(file.id, { state });
  await here.reload();
}
