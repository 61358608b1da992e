/**
 * Where money goes back to, told by the buyer: never guessed from a payment. How far it is stands in
 * the purchase's notes.
 * @module
 */
import * as buyer from '../net/buyer.js';
import { t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';

/** @import { Purchase } from '../net/buyer.js' */

export class Repaying {
  #root;
  #keep;
  #input = byId('refund-address', HTMLInputElement);
  #isChanging = false;
  /** @type {Purchase | null} */
  #purchase = null;

  /**
   * @param {HTMLElement} root
   * @param {(address: string) => Promise<Purchase>} keep
   * @param {(purchase: Purchase) => void} show
   */
  constructor(root, keep, show) {
    this.#root = root;
    this.#keep = keep;
    const form = slot(root, 'refund-form');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#save(show);
    });
    this.#input.addEventListener('input', () => setWrong(this.#input, ''));
    action(root, 'change-refund').addEventListener('click', () => {
      this.#isChanging = true;
      if (this.#purchase) this.show(this.#purchase);
      this.#input.focus();
    });
    copies(
      action(root, 'copy-refund'),
      () => this.#purchase?.refund?.txid ?? '',
      t('Transaction copied'),
    );
  }

  /** @param {Purchase} purchase */
  show(purchase) {
    this.#purchase = purchase;
    const { invoice, refund } = purchase;
    const part = slot(this.#root, 'refund');
    part.hidden = !invoice || !isOfUse(purchase);
    if (!invoice || part.hidden) return;
    const address = refund?.address || invoice.refund_address;
    const isMoving = Boolean(refund && (refund.txid || refund.closed_at));
    const state = stateOf(purchase);
    // Opened for the person once, when there is something to say or to read.
    const isNews = part.dataset['state'] !== state && state !== 'none';
    if (isNews) part.setAttribute('open', '');
    part.dataset['state'] = state;
    slot(this.#root, 'refund-title').textContent = refund
      ? t('Where your money goes back to')
      : t('If you want your money back');
    slot(this.#root, 'refund-said').textContent = refund?.note
      ? t('The creator says: “{note}”', { note: refund.note })
      : '';
    slot(this.#root, 'refund-to').textContent = address;
    slot(this.#root, 'refund-known').hidden = !address || this.#isChanging;
    slot(this.#root, 'refund-txid').textContent = refund?.txid ?? '';
    slot(this.#root, 'refund-sent').hidden = !refund?.txid;
    slot(this.#root, 'refund-form').hidden = isMoving || (Boolean(address) && !this.#isChanging);
    action(this.#root, 'change-refund').hidden = isMoving;
  }

  /** @param {(purchase: Purchase) => void} show */
  async #save(show) {
    const address = this.#input.value.trim();
    const place = slot(this.#root, 'refund-problem');
    problem.hide(place);
    if (!address) return void refuse(this.#input, t('Paste an address of your own wallet.'));
    const button = /** @type {HTMLButtonElement} */ (
      slot(this.#root, 'refund-form').querySelector('button')
    );
    button.disabled = true;
    try {
      const purchase = await this.#keep(address);
      this.#isChanging = false;
      this.#input.value = '';
      show(purchase);
      toast(t('Saved. The creator sees where your money goes back to.'));
    } catch (error) {
      problem.show(place, error);
    } finally {
      button.disabled = false;
    }
  }
}

/** @param {Purchase} purchase  whether something goes back, or may do so */
function isOfUse({ invoice, refund, grant }) {
  if (!invoice || grant) return false;
  if (refund || invoice.over_sat > 0 || invoice.refund_address) return true;
  return invoice.seen_sat > 0 && (invoice.is_withdrawn || invoice.state === 'PARTIAL');
}

/** @param {Purchase} purchase */
function stateOf({ refund }) {
  if (!refund) return 'none';
  if (refund.closed_at) return refund.txid ? 'paid' : 'closed';
  return refund.txid ? 'seen' : 'asked';
}

/**
 * @param {string} purchaseId
 * @param {string} claim
 */
export const keeper = (purchaseId, claim) => (/** @type {string} */ address) =>
  buyer.keepRefundAddress(purchaseId, claim, address);
