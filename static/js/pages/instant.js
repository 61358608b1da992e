/**
 * The switch beside the price: sell before a block, and how much may be out at one time. The ceilings
 * are the creator's, for all files; the switch is the file's.
 * @module
 */
import * as creator from '../net/creator.js';
import { byId, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as format from '../ui/format.js';
import { estimateSat, parsePrice } from '../ui/price.js';
import { mark, t } from '../texts/say.js';

/** @import { Terms } from '../net/creator.js' */

const EACH_SAT = 2_000_000;
const TOGETHER = 5; // sales of that size
const AMOUNT_LIKE = mark('An amount in BCH, like 0.02.');

export class InstantField {
  #root;
  #switch;
  #each;
  #all;
  /** @type {Terms | null} */
  #kept = null;
  /** @type {number | null} */
  #priceSat = null;

  /** @param {string} prefix  of the ids: '' on the page, 'edit-' in the dialog */
  constructor(prefix) {
    this.#root = byId(`${prefix}instant-field`);
    this.#switch = byId(`${prefix}instant`, HTMLInputElement);
    this.#each = byId(`${prefix}instant-each`, HTMLInputElement);
    this.#all = byId(`${prefix}instant-all`, HTMLInputElement);
    this.#switch.addEventListener('input', () => this.#suggest());
    for (const input of [this.#each, this.#all]) {
      input.addEventListener('input', () => setWrong(input, ''));
    }
    this.#root.addEventListener('input', () => this.#show());
    // It may have been pressed before this module came, or be what a reload brings back.
    this.#show();
  }

  /** Fills in the ceilings in force; where they cannot be met here, says why. */
  async load() {
    const terms = await creator.terms();
    this.#kept = terms;
    if (terms.instant_invoice_sat && !this.#each.value) {
      this.#each.value = amountOf(terms.instant_invoice_sat);
      this.#all.value = amountOf(terms.instant_total_sat);
    }
    if (!terms.instant_possible) {
      this.#switch.checked = false;
      this.#switch.disabled = true;
      slot(this.#root, 'why').textContent = t(
        'Not possible here: it takes servers of two operators, and this site asks one.',
      );
    }
    this.#suggest();
    this.#show();
  }

  get isOn() {
    return this.#switch.checked;
  }

  set isOn(isOn) {
    this.#switch.checked = isOn;
    this.#suggest();
    this.#show();
  }

  /** @param {number | null} sat  the price, as far as a rate is known */
  setPrice(sat) {
    this.#priceSat = sat;
    this.#show();
  }

  /**
   * Keeps the ceilings, if they are new.
   * @returns {Promise<boolean>} false where the person has to mend something first
   */
  async keep() {
    if (!this.isOn) return true;
    const each = satOf(this.#each.value);
    if (each === null) return refuse(this.#each, t(AMOUNT_LIKE));
    const all = satOf(this.#all.value);
    if (all === null) return refuse(this.#all, t(AMOUNT_LIKE));
    if (all < each) return refuse(this.#all, t('At least as much as for one sale.'));
    const kept = this.#kept;
    if (kept?.instant_invoice_sat !== each || kept.instant_total_sat !== all) {
      const change = { instant_invoice_sat: each, instant_total_sat: all };
      this.#kept = await creator.changeTerms(change);
    }
    return true;
  }

  /** Amounts to start with: five sales of this price, or of a small one. Never over those in force. */
  #suggest() {
    if (!this.isOn || !this.#kept || this.#each.value) return;
    const each = Math.max(EACH_SAT, Math.ceil((this.#priceSat ?? 0) / EACH_SAT) * EACH_SAT);
    this.#each.value = amountOf(each);
    this.#all.value = amountOf(each * TOGETHER);
  }

  #show() {
    slot(this.#root, 'ceilings').hidden = !this.isOn;
    const each = satOf(this.#each.value);
    const isAbove = this.#priceSat !== null && each !== null && this.#priceSat > each;
    slot(this.#root, 'above').hidden = !isAbove;
  }
}

/**
 * @param {string} typed
 * @returns {number | null} satoshis
 */
function satOf(typed) {
  const price = parsePrice(typed.trim(), 'BCH');
  return price && estimateSat(price, undefined);
}

/**
 * @param {number} sat
 * @returns {string} "0.02"
 */
function amountOf(sat) {
  return format.amount(sat).replace(/\.?0+$/, '');
}
