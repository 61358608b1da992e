/**
 * Title, description and price of a file that is on sale, changed where it stands.
 * @module
 */
import { ApiError } from '../net/api.js';
import * as creator from '../net/creator.js';
import * as dialogs from '../ui/dialog.js';
import { byId, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import { parsePrice } from '../ui/price.js';
import { PriceField } from '../ui/pricefield.js';
import * as problem from '../ui/problem.js';
import { t } from '../texts/say.js';
import { InstantField } from './instant.js';
import { showDescribing } from './describing.js';
import { fillCurrencies, PRICE_LIKE } from './offering.js';
import { setListed } from './shopkeeping.js';
import { ShowcaseField } from './showcase.js';

/**
 * @import { FileView, Limits, Price } from '../net/creator.js'
 * @import { Pricing } from '../ui/pricefield.js'
 *
 * @typedef {{title?: string, description?: string, price?: Price, pricing?: Pricing, is_instant?: boolean,
 *   stream_only?: boolean, showcase?: import('./showcase.js').Choices}} Change
 */

/**
 * @param {FileView} file
 * @returns {Promise<boolean>} whether anything was changed
 */
export async function edit(file) {
  const limits = await creator.limits();
  const dialog = dialogs.open('file-edit');
  const fields = new Fields(file, limits);
  const instant = new InstantField('edit-');
  const showcase = new ShowcaseField('edit-', file.showcase);
  showDescribing('edit-');
  instant.setPrice(file.price_sat_estimate);
  const place = slot(dialog, 'problem');
  const button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
  instant.load().catch((error) => problem.show(place, error));
  instant.isOn = file.is_instant;
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(false));
    one(dialog, 'form').addEventListener('submit', async (event) => {
      event.preventDefault();
      const change = fields.read();
      if (!change || button.disabled) return;
      problem.hide(place);
      button.disabled = true;
      try {
        if (!(await instant.keep())) return;
        if (instant.isOn !== file.is_instant) change.is_instant = instant.isOn;
        if (showcase.change) change.showcase = showcase.change;
        const isChanged = Object.keys(change).length > 0;
        if (isChanged) await creator.changeFile(file.id, change);
        const { listing } = showcase;
        if (listing !== undefined && !(await setListed(file.id, listing))) return;
        resolve(isChanged || listing !== undefined);
        dialog.close();
      } catch (error) {
        if (!fields.refuse(error)) problem.show(place, error);
      } finally {
        button.disabled = false;
      }
    });
  });
}

class Fields {
  #title = byId('edit-title', HTMLInputElement);
  #description = byId('edit-description', HTMLTextAreaElement);
  #amount = byId('edit-amount', HTMLInputElement);
  #currency = byId('edit-currency', HTMLSelectElement);
  #field = new PriceField('edit-');
  #streamOnly = byId('edit-stream-only', HTMLInputElement);
  #file;

  /**
   * @param {FileView} file
   * @param {Limits} limits
   */
  constructor(file, limits) {
    this.#file = file;
    this.#title.maxLength = limits.title_max;
    this.#description.maxLength = limits.description_max;
    // Its own stays to be chosen, also while there is no rate for it.
    fillCurrencies(this.#currency, [...limits.currencies, file.price.currency]);
    this.#title.value = file.title;
    this.#description.value = file.description;
    this.#streamOnly.checked = file.stream_only;
    this.#amount.value = file.price.amount;
    this.#currency.value = file.price.currency;
    this.#field.set(file.pricing);
    keepLinkless(this.#title);
    keepLinkless(this.#description);
    for (const input of [this.#amount, this.#currency]) {
      input.addEventListener('input', () => setWrong(this.#amount, ''));
    }
  }

  /** @returns {Change | false} what is new; false where the person has to mend something first */
  read() {
    const title = linkless(this.#title.value).trim();
    if (!title) return refuse(this.#title, t('Give it a title.'));
    const { price } = this.#field;
    if (!price) return refuse(this.#amount, t(PRICE_LIKE));
    const description = linkless(this.#description.value).trim();
    /** @type {Change} */
    const change = {};
    if (title !== this.#file.title) change.title = title;
    if (description !== this.#file.description.trim()) change.description = description;
    const isStreamOnly = this.#streamOnly.checked;
    if (isStreamOnly !== this.#file.stream_only) change.stream_only = isStreamOnly;
    // A price that stays is not sent: it would need a rate of this moment.
    if (!isSame(price, this.#file.price)) change.price = price;
    const pricing = this.#field.read();
    if (!pricing) return false;
    if (JSON.stringify(termsOf(pricing)) !== JSON.stringify(termsOf(this.#file.pricing))) {
      change.pricing = pricing;
    }
    return change;
  }

  /**
   * @param {unknown} error
   * @returns {boolean} whether it was told at its field
   */
  refuse(error) {
    if (!(error instanceof ApiError) || error.code !== 'price_below_floor') return false;
    refuse(this.#amount, `${error.message} ${error.hint}`);
    return true;
  }
}

/** @param {Pricing} terms  @returns {unknown[]} what can be compared */
function termsOf({ suggested, sells_from: from, sells_until: until, ...rest }) {
  const moments = [from, until].map((at) => at && Math.floor(Date.parse(at) / 60_000));
  const least = suggested && parsePrice(suggested.amount, suggested.currency);
  return [Object.entries(rest).sort(), moments, least];
}

/**
 * @param {Price} typed
 * @param {Price} known  as the server writes it: with all its noughts
 */
function isSame(typed, known) {
  const before = parsePrice(known.amount, known.currency, { isZeroFine: true });
  return typed.currency === known.currency && typed.amount === before?.amount;
}
