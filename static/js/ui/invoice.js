/**
 * An invoice for the person who pays it: the code, the amount, how long it holds, and the plain words
 * that the server has for every state and oddity (unlock/wordings.py).
 * @module
 */
import { t } from '../texts/say.js';
import { make, slot } from './dom.js';
import * as format from './format.js';
import { qr } from './qr.js';

/**
 * @typedef {'OPEN' | 'PARTIAL' | 'SEEN' | 'SUSPECT' | 'PAID' | 'EXPIRED' | 'REVERSED'} State
 *
 * @typedef {object} Invoice
 * @property {State} state
 * @property {string[]} flags
 * @property {string} address
 * @property {string} uri
 * @property {number} due_sat
 * @property {number} seen_sat
 * @property {number} confirmed_sat
 * @property {number} missing_sat
 * @property {string} quote_until
 * @property {number} depth
 * @property {number} confirmations
 * @property {boolean} stale
 * @property {boolean} is_instant  it may open before a block
 * @property {string} instant_wait  the code of what that waits for; "" for nothing
 * @property {{amount: string, currency: string}} price
 */

const WAITING = new Set(['OPEN', 'PARTIAL', 'SEEN', 'SUSPECT', 'EXPIRED']);
/** @type {Record<string, 'pay' | 'confirm' | 'open'>} */
const STEPS = { SEEN: 'confirm', SUSPECT: 'confirm', PAID: 'open' };
/**
 * @typedef {object} Said  the purchase's own words, which the server puts together
 * @property {string} says
 * @property {string} tone
 * @property {string[]} notes
 * @property {boolean} is_payable
 * @property {string} exchange_hint
 */

export class InvoiceView {
  #root;
  /** @type {Invoice | null} */
  #invoice = null;
  #drawn = '';

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /**
   * @param {Invoice} invoice
   * @param {Said} said
   * @param {boolean} isOpen  the file is open to this buyer, whatever became of the payment since
   */
  show(invoice, said, isOpen) {
    this.#invoice = invoice;
    const { state } = invoice;
    const canPay = said.is_payable && !isOpen;
    slot(this.#root, 'exchange').textContent = said.exchange_hint;
    slot(this.#root, 'pay').hidden = !canPay;
    slot(this.#root, 'rows').hidden = !canPay;
    slot(this.#root, 'no-wallet').hidden = !canPay;
    slot(this.#root, 'trouble').hidden = isOpen || !WAITING.has(state);
    if (canPay) this.#drawRequest(invoice);
    step(this.#root, isOpen ? 'open' : (STEPS[state] ?? 'pay'));
    this.#say(state, said, isOpen);
    this.tick();
  }

  /** Once a second: how long the quote holds. */
  tick() {
    const invoice = this.#invoice;
    if (!invoice) return;
    const price = invoice.price.currency === 'BCH' ? '' : format.price(invoice.price);
    const held = heldFor(invoice.quote_until);
    const rest = invoice.state === 'PARTIAL' ? t('still to send') : price;
    slot(this.#root, 'fiat').textContent = [rest, held].filter(Boolean).join(' · ');
  }

  /** @param {Invoice} invoice */
  #drawRequest({ uri, address, missing_sat: missing }) {
    if (this.#drawn === uri) return;
    this.#drawn = uri;
    const picture = slot(this.#root, 'qr');
    picture.replaceChildren(qr(uri));
    slot(this.#root, 'uri').setAttribute('href', uri);
    const amount = format.amount(missing);
    slot(this.#root, 'coins').textContent = format.decimal(amount);
    slot(this.#root, 'amount').textContent = amount;
    slot(this.#root, 'address').textContent = address;
    this.#name();
  }

  /** Scripts find these only once there is something in them. */
  #name() {
    slot(this.#root, 'uri').dataset['testid'] = 'invoice-uri';
    slot(this.#root, 'amount').dataset['testid'] = 'invoice-amount';
    slot(this.#root, 'address').dataset['testid'] = 'invoice-address';
  }

  /**
   * @param {State} state
   * @param {Said} said
   * @param {boolean} isOpen
   */
  #say(state, { says, tone, notes }, isOpen) {
    const status = slot(this.#root, 'status');
    status.hidden = false;
    status.dataset['state'] = state;
    status.dataset['tone'] = tone;
    status.toggleAttribute('data-still', isOpen || state === 'EXPIRED');
    const line = slot(status, 'status-said');
    if (line.textContent !== says) line.textContent = says;
    const list = slot(status, 'notes');
    const known = Array.from(list.children, (item) => item.textContent);
    if (known.join('\n') !== notes.join('\n')) {
      list.replaceChildren(...notes.map((text) => make('li', { text })));
    }
    list.hidden = notes.length === 0;
  }
}

/**
 * @param {string} quoteUntil  ISO 8601
 * @returns {string} "held for 19:42"
 */
export function heldFor(quoteUntil) {
  const left = (Date.parse(quoteUntil) - Date.now()) / 1000;
  return left > 0 ? t('held for {time}', { time: clock(left) }) : t('the rate has run out');
}

/**
 * @param {HTMLElement} root
 * @param {'pay' | 'confirm' | 'open' | 'done'} now
 */
export function step(root, now) {
  let isPast = true;
  for (const item of root.querySelectorAll('[data-step]')) {
    const isNow = item.getAttribute('data-step') === now;
    if (isNow) isPast = false;
    item.classList.toggle('done', isPast);
    if (isNow) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
  }
}

/**
 * @param {number} seconds
 * @returns {string} "19:42", "1:02:07"
 */
function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${parts.join(':')}` : parts.join(':').replace(/^0/, '');
}
