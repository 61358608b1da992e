/**
 * A price that is more than a number: free, named by the buyer, limited, on sale for a while, or less
 * by a link's code. Fetched only by the pages of files that are sold so.
 * @module
 */
import { ApiError } from '../net/api.js';
import * as buyer from '../net/buyer.js';
import { t } from '../texts/say.js';
import { make, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as format from '../ui/format.js';
import { parsePrice, typedPrice } from '../ui/price.js';
import { besideWords, closedWords, priceWords } from '../ui/priced.js';

/**
 * @import { Offer, Wish } from '../net/buyer.js'
 *
 * @typedef {object} Asking
 * @property {string} closed  why it cannot be bought now; '' if it can
 * @property {string} label   of the button
 * @property {boolean} isFree  without a rate, too
 * @property {() => Wish | false} read  false where the buyer has to mend something first
 *
 * @typedef {Awaited<ReturnType<typeof buyer.priceWith>>} Coded
 */

/**
 * @param {HTMLElement} root
 * @param {Offer} offer
 * @param {string} code  of the link; '' for none
 * @returns {Promise<Asking>}
 */
export async function showPricing(root, offer, code) {
  const { selling, price } = offer;
  const now = Date.now();
  const closed = closedWords(selling, now);
  const isFirst = selling.free_left > 0 || selling.kind === 'free';
  const found = code && !closed && !isFirst ? await codedPrice(offer.id, code) : null;
  const coded = found === 'over' ? null : found;
  const isFree = isFirst || (coded !== null && coded.grant !== null);
  showPrice(root, offer, { coded, isFree });
  const beside = closed ? [closed] : besideWords(price, selling, now);
  if (found === 'over') beside.push(t('The discount of this link does not hold any more.'));
  if (coded?.is_floored) {
    beside.push(t('The discount would be more, but less than this cannot be paid.'));
  }
  slot(root, 'beside').replaceChildren(...beside.map((text) => make('p', { text })));
  slot(root, 'beside').hidden = beside.length === 0;
  const fields = slot(root, 'naming');
  fields.replaceChildren();
  fields.hidden = true;
  if (closed) return { closed, label: t('Buy'), isFree, read: () => false };
  const least = coded?.price ?? price;
  const named = selling.kind === 'minimum' && !isFree ? nameField(fields, offer, least) : null;
  const tip = selling.takes_tips && !isFree ? tipField(fields, offer) : null;
  fields.hidden = !named && !tip;
  return {
    closed,
    label: isFree ? t('Get it') : t('Buy'),
    isFree: isFree || (named !== null && Number(least.amount) === 0),
    read: () => {
      const wish = isFree ? { pays: nothing(price.currency) } : read(least, { named, tip });
      return wish && coded ? { ...wish, code } : wish;
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {Offer} offer
 * @param {{coded: Coded | null, isFree: boolean}} found
 */
function showPrice(root, { price, selling }, { coded, isFree }) {
  const place = slot(root, 'price');
  if (isFree) {
    place.textContent = t('Free');
    slot(root, 'other').textContent = '';
    slot(root, 'then').textContent = t(
      'There is nothing to pay. The file opens here and is saved on your device. No account, no e-mail.',
    );
  } else {
    place.textContent = priceWords(coded?.price ?? price, selling);
  }
  if (!coded || Number(coded.price.amount) >= Number(price.amount)) return;
  const was = make('s', { text: priceWords(price, selling) });
  slot(root, 'other').replaceChildren(t('instead of'), ' ', was);
}

/**
 * @param {string} fileId
 * @param {string} code
 * @returns {Promise<Coded | 'over' | null>} null where the offer itself says why it cannot be bought
 */
async function codedPrice(fileId, code) {
  try {
    return await buyer.priceWith(fileId, code);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    return error.code === 'code_invalid' ? 'over' : null;
  }
}

/**
 * @param {buyer.Price} least
 * @param {{named: HTMLInputElement | null, tip: HTMLInputElement | null}} asked
 * @returns {Wish | false}
 */
function read(least, { named, tip }) {
  /** @type {Wish} */
  const wish = { pays: least };
  if (named) {
    const pays = parsePrice(named.value.trim() || '0', least.currency, { isZeroFine: true });
    if (!pays || Number(pays.amount) < Number(least.amount)) {
      return refuse(
        named,
        t('{price} or more, written like {example}.', {
          ...{ price: format.price(least), example: format.decimal('4.00') },
        }),
      );
    }
    wish.pays = pays;
  }
  if (tip?.value.trim()) {
    const more = parsePrice(tip.value.trim(), least.currency, { isZeroFine: true });
    if (!more) {
      return refuse(
        tip,
        t('An amount like {example}, or nothing.', { example: format.decimal('1.00') }),
      );
    }
    wish.tip = more;
  }
  return wish;
}

/** @param {string} currency */
function nothing(currency) {
  return { amount: '0', currency };
}

/**
 * @param {HTMLElement} place
 * @param {Offer} offer
 * @param {buyer.Price} least
 */
function nameField(place, { price, selling }, least) {
  const { suggested } = selling;
  const { currency } = price;
  const words = suggested
    ? t('You pay · {price} is suggested ({currency})', {
        ...{ price: format.price(suggested), currency },
      })
    : t('You pay ({currency})', { currency });
  const input = field(place, 'named-price', words);
  input.value = typedPrice(suggested ?? least);
  return input;
}

/**
 * @param {HTMLElement} place
 * @param {Offer} offer
 */
function tipField(place, { price: { currency } }) {
  return field(place, 'tip', t('A tip for the creator, if you like ({currency})', { currency }));
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
