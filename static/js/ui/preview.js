/**
 * The page as a buyer will see it, live beside the form; and the list of what is still missing.
 * @module
 */
import { t } from '../texts/say.js';
import { byId, one, slot } from './dom.js';
import * as format from './format.js';
import { besideWords, closedWords, priceWords } from './priced.js';

/** @import { Selling } from './priced.js' */

/** @typedef {'upload' | 'price' | 'payout' | 'selftest' | 'key'} Check */

/**
 * @param {object} offer
 * @param {string} offer.title
 * @param {{amount: string, currency: string} | null} offer.price
 * @param {number | null} offer.estimateSat
 * @param {string} offer.rateLabel  '' for a rate of the market
 * @param {number | null} offer.sizeBytes
 * @param {Selling} offer.selling
 * @param {number} offer.floorSat  less cannot be paid
 */
export function showPreview({ title, price, estimateSat, rateLabel, ...offer }) {
  const { sizeBytes, selling, floorSat } = offer;
  const root = byId('preview');
  slot(root, 'title').textContent = title || t('Your title');
  slot(root, 'size').textContent = sizeBytes === null ? '' : `· ${format.bytes(sizeBytes)}`;
  const now = Date.now();
  const isFree = selling.kind === 'free' || selling.free_left > 0;
  slot(root, 'price').textContent = price ? priceWords(price, selling) : '–';
  slot(root, 'other').textContent = isFree ? '' : otherOf(price, estimateSat, rateLabel);
  slot(root, 'press').textContent = isFree ? t('Get it') : t('Buy');
  const isTooSmall = Number(price?.amount) > 0 && estimateSat !== null && estimateSat < floorSat;
  slot(root, 'beside').textContent = isTooSmall
    ? t('Too small to be paid: at least {amount}.', { amount: format.coins(floorSat) })
    : price && (closedWords(selling, now) || besideWords(price, selling, now).join(' '));
}

/** @param {string} url  of the picture that was approved; '' for none */
export function showCover(url) {
  const image = /** @type {HTMLImageElement} */ (slot(byId('preview'), 'cover'));
  image.hidden = !url;
  if (url) image.src = url;
  else image.removeAttribute('src');
}

/**
 * @param {{amount: string, currency: string} | null} price
 * @param {number | null} sat
 * @param {string} label
 */
function otherOf(price, sat, label) {
  if (!price || price.currency === 'BCH' || Number(price.amount) === 0) return '';
  if (sat === null) return t('No exchange rate at the moment');
  const about = t('about {amount}', { amount: format.coins(sat) });
  return label ? `${about} · ${label}` : about;
}

/**
 * @param {Check} name
 * @param {boolean} isOk
 */
export function check(name, isOk) {
  one(byId('checks'), `[data-check="${name}"]`).toggleAttribute('data-ok', isOk);
}
