/**
 * More ways to sell: who pays what, how many there are, and when. Read from a form, shown live.
 * @module
 */
import { t } from '../texts/say.js';
import { byId, slot } from './dom.js';
import { refuse, setWrong } from './field.js';
import * as format from './format.js';
import { parsePrice, typedPrice } from './price.js';

/**
 * @import { Price } from './price.js'
 * @import { Selling } from './priced.js'
 *
 * @typedef {object} Pricing  the terms as their creator sets them
 * @property {'fixed' | 'minimum' | 'free'} kind
 * @property {Price | null} suggested
 * @property {number} free_first
 * @property {number | null} stock
 * @property {boolean} shows_stock
 * @property {boolean} is_strict
 * @property {string | null} sells_from
 * @property {string | null} sells_until
 * @property {boolean} takes_tips
 */

const COUNT_MAX = 1_000_000;

export class PriceField {
  #root;
  #prefix;
  #amount;
  #currency;

  /** @param {string} prefix  of the ids in templates/unlock/price_field.html */
  constructor(prefix) {
    this.#prefix = prefix;
    this.#root = byId(`${prefix}ways`);
    this.#amount = byId(`${prefix}amount`, HTMLInputElement);
    this.#currency = byId(`${prefix}currency`, HTMLSelectElement);
    this.#root.addEventListener('input', (event) => {
      if (event.target instanceof HTMLInputElement) setWrong(event.target, '');
      this.#show();
    });
    this.#show();
  }

  /** @param {Pricing} known */
  set(known) {
    this.#input(`kind-${known.kind}`).checked = true;
    this.#input('suggested').value = known.suggested ? typedPrice(known.suggested) : '';
    this.#input('free-first').value = known.free_first ? String(known.free_first) : '';
    this.#input('stock').value = known.stock === null ? '' : String(known.stock);
    this.#input('shows-stock').checked = known.shows_stock;
    this.#input('strict').checked = known.is_strict;
    this.#input('from').value = localOf(known.sells_from);
    this.#input('until').value = localOf(known.sells_until);
    this.#input('tips').checked = known.takes_tips;
    this.#show();
  }

  /** @returns {Pricing['kind']} */
  get kind() {
    const chosen = this.#root.querySelector('input[type=radio]:checked');
    return /** @type {Pricing['kind']} */ (
      chosen instanceof HTMLInputElement ? chosen.value : 'fixed'
    );
  }

  /** @returns {Price | null} the price, the least price, or nothing; null: that is no price */
  get price() {
    const { kind } = this;
    const currency = this.#currency.value;
    const typed = kind === 'free' ? '0' : this.#amount.value.trim();
    return parsePrice(typed, currency, { isZeroFine: kind !== 'fixed' });
  }

  /** As buyers would see it now. @returns {Selling} */
  get selling() {
    const stock = countOf(this.#input('stock').value);
    return {
      kind: this.kind,
      suggested: this.#suggested,
      free_left: (this.kind !== 'free' && countOf(this.#input('free-first').value)) || 0,
      left: this.#input('shows-stock').checked ? stock : null,
      is_sold_out: stock === 0,
      free_at: null,
      sells_from: isoOf(this.#input('from').value),
      sells_until: isoOf(this.#input('until').value),
      takes_tips: this.kind !== 'free' && this.#input('tips').checked,
    };
  }

  /** @returns {Pricing | false} false where the person has to mend something first */
  read() {
    const { kind } = this;
    const free = this.#count('free-first', kind !== 'free');
    const stock = this.#count('stock');
    if (free === undefined || stock === undefined) return false;
    if (free && stock !== null && free > stock) {
      return this.#refuse('free-first', t('More would be free than there are.'));
    }
    const suggestion = this.#input('suggested').value.trim();
    const suggested = this.#suggested;
    if (kind === 'minimum' && suggestion && !suggested) {
      return this.#refuse(
        'suggested',
        t('A price like {example}, or nothing.', { example: format.decimal('4.00') }),
      );
    }
    if (suggested && Number(suggested.amount) < Number(this.price?.amount ?? 0)) {
      return this.#refuse('suggested', t('Less than the least price.'));
    }
    const { selling } = this;
    const { sells_from: from, sells_until: until } = selling;
    if (from && until && Date.parse(from) >= Date.parse(until)) {
      return this.#refuse('until', t('This is before it begins.'));
    }
    return {
      kind,
      suggested,
      free_first: free ?? 0,
      stock,
      shows_stock: stock !== null && this.#input('shows-stock').checked,
      is_strict: stock !== null && this.#input('strict').checked,
      sells_from: from,
      sells_until: until,
      takes_tips: selling.takes_tips,
    };
  }

  get #suggested() {
    if (this.kind !== 'minimum') return null;
    return parsePrice(this.#input('suggested').value.trim(), this.#currency.value);
  }

  #show() {
    const { kind } = this;
    this.#amount.disabled = kind === 'free';
    byId(`${this.#prefix}amount-label`).textContent =
      kind === 'minimum' ? t('Least price') : t('Price');
    slot(this.#root, 'suggesting').hidden = kind !== 'minimum';
    slot(this.#root, 'giving').hidden = kind === 'free';
    slot(this.#root, 'tipping').hidden = kind === 'free';
    slot(this.#root, 'stocking').hidden = !this.#input('stock').value.trim();
  }

  /**
   * @param {string} name
   * @param {boolean} [isAsked]
   * @returns {number | null | undefined} null for none; undefined where it was refused
   */
  #count(name, isAsked = true) {
    const text = this.#input(name).value.trim();
    if (!isAsked || !text) return null;
    const count = countOf(text);
    if (count !== null && count <= COUNT_MAX) return count;
    this.#refuse(name, t('A whole number up to {most}.', { most: format.number(COUNT_MAX) }));
    return undefined;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #refuse(name, text) {
    /** @type {HTMLDetailsElement} */ (this.#root).open = true;
    return refuse(this.#input(name), text);
  }

  /** @param {string} name */
  #input(name) {
    return byId(`${this.#prefix}${name}`, HTMLInputElement);
  }
}

/** @param {string} text */
function countOf(text) {
  return /^\d{1,9}$/.test(text.trim()) ? Number(text) : null;
}

/** @param {string} local  of an input of type datetime-local: the creator's own zone */
function isoOf(local) {
  const at = new Date(local);
  return local && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}

/** @param {string | null} iso */
function localOf(iso) {
  if (!iso) return '';
  const at = new Date(iso);
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
