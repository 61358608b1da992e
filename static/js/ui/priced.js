/**
 * How a file is sold, in the words a buyer reads: on its page, and live beside the creator's form.
 * @module
 */
import { many, t } from '../texts/say.js';
import * as format from './format.js';

/**
 * @typedef {import('./price.js').Price} Price
 * @typedef {object} Selling
 * @property {'fixed' | 'minimum' | 'free'} kind
 * @property {Price | null} suggested
 * @property {number} free_left   of the first copies that cost nothing
 * @property {number | null} left  copies; null: no end, or not shown
 * @property {boolean} is_sold_out
 * @property {string | null} free_at  a reserved copy may come free then
 * @property {string | null} sells_from
 * @property {string | null} sells_until
 * @property {boolean} takes_tips
 */

/**
 * @param {Selling} selling
 * @returns {boolean} one price for everybody, at any time: nothing is to be said beside it
 */
export function isPlain({ kind, free_left, left, is_sold_out, sells_from, sells_until, ...rest }) {
  const isLimited = left !== null || is_sold_out || sells_from !== null || sells_until !== null;
  return kind === 'fixed' && free_left === 0 && !isLimited && !rest.takes_tips;
}

/**
 * @param {Price} price
 * @param {Selling} selling
 * @returns {string} "€4.00", "Free", "€2.00 or more"
 */
export function priceWords(price, selling) {
  const isNothing = Number(price.amount) === 0;
  if (selling.kind === 'free' || selling.free_left > 0) return t('Free');
  if (selling.kind !== 'minimum') return format.price(price);
  return isNothing ? t('Name your price') : t('{price} or more', { price: format.price(price) });
}

/**
 * @param {Price} price
 * @param {Selling} selling
 * @param {number} now  milliseconds
 * @returns {string[]} what stands beside the price, one plain line each
 */
export function besideWords(price, selling, now) {
  const { free_left: first, left, sells_until: until } = selling;
  const lines = [];
  if (first > 0 && selling.kind !== 'free') {
    const next =
      selling.kind === 'minimum'
        ? t('Buyers name the price then.')
        : t('{price} then.', { price: format.price(price) });
    const free = many(first, 'One more copy is free.', '{count} more copies are free.');
    lines.push(`${free} ${next}`);
  }
  if (selling.kind === 'minimum' && Number(price.amount) === 0 && first === 0) {
    lines.push(t('You may also take it for nothing.'));
  }
  if (left !== null && left > 0) lines.push(many(left, 'The last copy.', '{count} copies left.'));
  if (until && Date.parse(until) > now) {
    lines.push(t('On sale until {time}.', { time: format.moment(until) }));
  }
  return lines;
}

/**
 * @param {Selling} selling
 * @param {number} now  milliseconds
 * @returns {string} why nobody can buy it at this moment; '' if one can
 */
export function closedWords(selling, now) {
  const { sells_from: from, sells_until: until, free_at: freeAt } = selling;
  if (from && Date.parse(from) > now) {
    return t('On sale from {time}.', { time: format.moment(from) });
  }
  if (until && Date.parse(until) <= now) {
    return t('It was on sale until {time}.', { time: format.moment(until) });
  }
  if (!selling.is_sold_out) return '';
  if (!freeAt) return t('Sold out.');
  return t(
    'Sold out at the moment. A copy that is reserved for somebody may come free at {time}.',
    { time: format.moment(freeAt) },
  );
}
