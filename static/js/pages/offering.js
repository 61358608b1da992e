/**
 * The words and the price of what is for sale: read from the form, shown beside it, checked.
 * @module
 */
import * as creator from '../net/creator.js';
import { byId, make, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as format from '../ui/format.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import { cannotPlay } from '../ui/playable.js';
import { check, showPreview } from '../ui/preview.js';
import { estimateSat } from '../ui/price.js';
import { PriceField } from '../ui/pricefield.js';
import { mark, t } from '../texts/say.js';
import { showLive } from './describing.js';
import { titleOf } from './sealing.js';
import { ShowcaseField } from './showcase.js';

/**
 * @import { Limits, Rates } from '../net/creator.js'
 * @import { Fields } from './publishing.js'
 */

const ABOUT = new Map([
  [0, mark('none: at once, when the payment is seen')],
  [1, mark('1, about ten minutes')],
  [2, mark('2, about twenty minutes')],
  [6, mark('6, about an hour')],
  [10, mark('10, the chain’s own last word')],
]);

export const PRICE_LIKE = mark('A price like 4.00. For BCH up to eight decimals.');

export class Offering {
  #title = byId('title', HTMLInputElement);
  #description = byId('description', HTMLTextAreaElement);
  #amount = byId('amount', HTMLInputElement);
  #currency = byId('currency', HTMLSelectElement);
  #field = new PriceField('');
  #showcase = new ShowcaseField('');
  #confirmations = byId('confirmations', HTMLSelectElement);
  /** @type {Limits | null} */
  #limits = null;
  /** @type {Rates | null} */
  #rates = null;
  /** @type {number | null} */
  #sizeBytes = null;
  #proposed = '';

  constructor() {
    showLive(this.#description, slot(byId('preview'), 'description'));
    keepLinkless(this.#title);
    keepLinkless(this.#description);
    for (const input of [this.#title, this.#description, this.#amount, this.#currency]) {
      input.addEventListener('input', () => this.show());
    }
    for (const input of [this.#amount, this.#currency, byId('ways')]) {
      input.addEventListener('input', () => setWrong(this.#amount, ''));
    }
    byId('ways').addEventListener('input', () => this.show());
    // A reload may bring typed text back; it is shown from the start.
    this.show();
  }

  /** @param {Limits} limits */
  setLimits(limits) {
    this.#limits = limits;
    this.#title.maxLength = limits.title_max;
    this.#description.maxLength = limits.description_max;
    const chosen = this.#currency.value;
    fillCurrencies(this.#currency, limits.currencies);
    if ([...this.#currency.options].some(({ value }) => value === chosen)) {
      this.#currency.value = chosen;
    }
    this.#confirmations.replaceChildren(
      ...limits.confirmations.map((count) => {
        const about = ABOUT.get(count);
        return option(String(count), about ? t(about) : String(count));
      }),
    );
    this.#confirmations.value = '1';
    this.show();
  }

  async loadRates() {
    this.#rates = await creator.rates();
    this.show();
  }

  /** @param {{name: string, size: number} | null} file */
  setFile(file) {
    this.#sizeBytes = file ? file.size : null;
    showUnplayable(file);
    // A title that this page proposed goes with the file it was made for.
    if (this.#title.value === this.#proposed) this.#title.value = '';
    this.#proposed = file ? titleOf(file.name) : '';
    if (!this.#title.value) this.#title.value = this.#proposed;
    this.show();
  }

  /** The price in satoshis, as far as a rate is known. */
  get sat() {
    const price = this.#price;
    return price && estimateSat(price, this.#rates?.currencies[price.currency]?.rate);
  }

  show() {
    const price = this.#price;
    const rate = price ? this.#rates?.currencies[price.currency] : undefined;
    showPreview({
      title: this.#title.value.trim(),
      price,
      estimateSat: this.sat,
      rateLabel: rate?.label ?? '',
      sizeBytes: this.#sizeBytes,
      selling: this.#field.selling,
      floorSat: this.#limits ? Math.min(...Object.values(this.#limits.floor_sat)) : 0,
    });
    check('price', price !== null && this.#title.value.trim() !== '');
  }

  /**
   * @param {'address' | 'xpub' | null} kind  of the payout: sets the smallest price
   * @returns {Fields | false} false where the person has to mend something first
   */
  read(kind) {
    const title = linkless(this.#title.value).trim();
    if (!title) return refuse(this.#title, t('Give it a title.'));
    const price = this.#price;
    if (!price) {
      return refuse(this.#amount, t(PRICE_LIKE));
    }
    const pricing = this.#field.read();
    if (!pricing) return false;
    const floorSat = kind && this.#limits ? this.#limits.floor_sat[kind] : 0;
    const { sat } = this;
    if (sat !== null && sat < floorSat && Number(price.amount) > 0) {
      const floor = format.coins(floorSat);
      return refuse(this.#amount, t('Too small to be paid: the least is {floor} here.', { floor }));
    }
    return {
      title,
      description: linkless(this.#description.value).trim(),
      price,
      pricing,
      confirmations: Number(this.#confirmations.value),
      stream_only: byId('stream-only', HTMLInputElement).checked,
      showcase: this.#showcase.choices,
    };
  }

  get #price() {
    return this.#field.price;
  }
}

/**
 * Told at the drop: what a buyer's browser will likely not play either.
 * @param {{name: string, count?: number} | null} file
 */
function showUnplayable(file) {
  const said = file && (file.count ?? 1) === 1 ? cannotPlay('', file.name) : '';
  byId('unplayable').textContent = said && `${said} ${t('Buyers are told before they pay.')}`;
  byId('unplayable').hidden = !said;
}

/**
 * @param {HTMLSelectElement} select
 * @param {string[]} names  of currencies; BCH is always among what is offered
 */
export function fillCurrencies(select, names) {
  const all = [...new Set([...names, 'BCH'])];
  select.replaceChildren(...all.map((name) => option(name, name)));
}

/**
 * @param {string} value
 * @param {string} text
 */
function option(value, text) {
  const made = /** @type {HTMLOptionElement} */ (make('option', { text }));
  made.value = value;
  return made;
}
