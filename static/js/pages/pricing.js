/**
 * A price that is more than a number: free, named by the buyer, limited, on sale for a while. Fetched
 * only by the pages of files that are sold so.
 * @module
 */
import { make, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as format from '../ui/format.js';
import { parsePrice } from '../ui/price.js';
import { besideWords, closedWords, priceWords } from '../ui/priced.js';

/**
 * @import { Offer, Wish } from '../net/buyer.js'
 *
 * @typedef {object} Asking
 * @property {string} closed  why it cannot be bought now; '' if it can
 * @property {string} label   of the button
 * @property {boolean} isFree  without a rate, too
 * @property {() => Wish | false} read  false where the buyer has to mend something first
 */

/**
 * @param {HTMLElement} root
 * @param {Offer} offer
 * @returns {Asking}
 */
export function showPricing(root, offer) {
  const { selling, price } = offer;
  const now = Date.now();
  const isFree = selling.kind === 'free' || selling.free_left > 0;
  const closed = closedWords(selling, now);
  slot(root, 'price').textContent = priceWords(price, selling);
  const lines = closed ? [closed] : besideWords(price, selling, now);
  const beside = slot(root, 'beside');
  beside.replaceChildren(...lines.map((text) => make('p', { text })));
  beside.hidden = lines.length === 0;
  const fields = slot(root, 'naming');
  fields.replaceChildren();
  fields.hidden = true;
  if (isFree) {
    slot(root, 'other').textContent = '';
    slot(root, 'then').textContent =
      'There is nothing to pay. The file opens here and is saved on your device. No account, no e-mail.';
  }
  if (closed) return { closed, label: 'Buy', isFree, read: () => false };
  const named = selling.kind === 'minimum' && !isFree ? nameField(fields, offer) : null;
  const tip = selling.takes_tips && !isFree ? tipField(fields, offer) : null;
  fields.hidden = !named && !tip;
  return {
    closed,
    label: isFree ? 'Get it' : 'Buy',
    isFree: isFree || (named !== null && Number(price.amount) === 0),
    read: () => read(offer, { isFree, named, tip }),
  };
}

/**
 * @param {Offer} offer
 * @param {{isFree: boolean, named: HTMLInputElement | null, tip: HTMLInputElement | null}} asked
 * @returns {Wish | false}
 */
function read({ price }, { isFree, named, tip }) {
  const { currency } = price;
  if (isFree) return { pays: { amount: '0', currency } };
  /** @type {Wish} */
  const wish = { pays: price };
  if (named) {
    const pays = parsePrice(named.value.trim() || '0', currency, { isZeroFine: true });
    if (!pays || Number(pays.amount) < Number(price.amount)) {
      return refuse(named, `${format.price(price)} or more, written like 4.00.`);
    }
    wish.pays = pays;
  }
  if (tip?.value.trim()) {
    const more = parsePrice(tip.value.trim(), currency, { isZeroFine: true });
    if (!more) return refuse(tip, 'An amount like 1.00, or nothing.');
    wish.tip = more;
  }
  return wish;
}

/**
 * @param {HTMLElement} place
 * @param {Offer} offer
 */
function nameField(place, { price, selling }) {
  const words = selling.suggested
    ? `You pay · ${format.price(selling.suggested)} is suggested`
    : 'You pay';
  const input = field(place, 'named-price', `${words} (${price.currency})`);
  input.value = (selling.suggested ?? price).amount;
  return input;
}

/**
 * @param {HTMLElement} place
 * @param {Offer} offer
 */
function tipField(place, { price }) {
  return field(place, 'tip', `A tip for the creator, if you like (${price.currency})`);
}

/**
 * @param {HTMLElement} place
 * @param {string} id
 * @param {string} words
 */
function field(place, id, words) {
  const label = make('label', { text: words });
  label.setAttribute('for', id);
  const input = /** @type {HTMLInputElement} */ (make('input'));
  Object.assign(input, { id, inputMode: 'decimal', autocomplete: 'off' });
  input.dataset['testid'] = id;
  input.addEventListener('input', () => setWrong(input, ''));
  place.append(make('div', { class: 'field' }, label, input));
  return input;
}
