/**
 * An invoice for the person who pays it: the code, the amount, what has arrived, what is missing, in
 * plain words for every state and oddity.
 * @module
 */
import { make, slot } from './dom.js';
import * as format from './format.js';
import { qr } from './qr.js';
import { waitWords } from './waiting.js';

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

const PAYABLE = new Set(['OPEN', 'PARTIAL']);
const WAITING = new Set(['OPEN', 'PARTIAL', 'SEEN', 'SUSPECT', 'EXPIRED']);
/** @type {Record<string, 'pay' | 'confirm' | 'open'>} */
const STEPS = { SEEN: 'confirm', SUSPECT: 'confirm', PAID: 'open' };
/** @type {Record<string, string>} */
const TONES = { PARTIAL: 'amber', SUSPECT: 'amber', EXPIRED: 'amber', REVERSED: 'red' };

/** @type {Record<string, string>} */
const ODDITIES = {
  OVER: 'You sent more than was asked. It went to the creator; ask them for the rest.',
  LATE: 'It arrived after the quote had run out.',
  TOKEN_IGNORED: 'A payment that carries tokens does not count. Send plain BCH.',
  COINBASE_WAIT: 'The payment comes straight from mining and counts after 100 blocks.',
  DUST: 'A payment was too small to count.',
  VOID: 'This order was called off. What was sent is still seen.',
  REFUND_DUE: 'The creator owes you this money back.',
  REFUNDED: 'The creator has sent the money back.',
  SPV_PENDING: 'It is in a block; the proof is being checked.',
};

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
   * @param {boolean} isOpen  the file is open to this buyer, whatever became of the payment since
   */
  show(invoice, isOpen) {
    this.#invoice = invoice;
    const { state } = invoice;
    const canPay = PAYABLE.has(state) && !isOpen;
    slot(this.#root, 'pay').hidden = !canPay;
    slot(this.#root, 'rows').hidden = !canPay;
    slot(this.#root, 'no-wallet').hidden = !canPay;
    slot(this.#root, 'trouble').hidden = isOpen || !WAITING.has(state);
    if (canPay) this.#drawRequest(invoice);
    step(this.#root, isOpen ? 'open' : (STEPS[state] ?? 'pay'));
    this.#say(invoice, isOpen);
    this.tick();
  }

  /** Once a second: how long the quote holds. */
  tick() {
    const invoice = this.#invoice;
    if (!invoice) return;
    const price = invoice.price.currency === 'BCH' ? '' : format.price(invoice.price);
    const left = (Date.parse(invoice.quote_until) - Date.now()) / 1000;
    const held = left > 0 ? `held for ${clock(left)}` : 'the rate has run out';
    const rest = invoice.state === 'PARTIAL' ? 'still to send' : price;
    slot(this.#root, 'fiat').textContent = [rest, held].filter(Boolean).join(' · ');
  }

  /** @param {Invoice} invoice */
  #drawRequest({ uri, address, missing_sat: missing }) {
    if (this.#drawn === uri) return;
    this.#drawn = uri;
    const picture = slot(this.#root, 'qr');
    picture.replaceChildren(qr(uri));
    slot(this.#root, 'uri').setAttribute('href', uri);
    const amount = format.coins(missing).replace(' BCH', '');
    slot(this.#root, 'coins').textContent = amount;
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
   * @param {Invoice} invoice
   * @param {boolean} isOpen
   */
  #say(invoice, isOpen) {
    const status = slot(this.#root, 'status');
    status.hidden = false;
    status.dataset['state'] = invoice.state;
    status.dataset['tone'] = TONES[invoice.state] ?? '';
    status.toggleAttribute('data-still', isOpen || invoice.state === 'EXPIRED');
    const words = wordsOf(invoice, isOpen);
    const said = slot(status, 'status-said');
    if (said.textContent !== words) said.textContent = words;
    const oddities = invoice.flags.flatMap((flag) => ODDITIES[flag] ?? []);
    if (invoice.stale && WAITING.has(invoice.state)) {
      oddities.push(
        'We cannot see new payments right now. Yours is not lost: it is seen as soon as we can look again. Do not pay twice.',
      );
    }
    const notes = slot(status, 'notes');
    notes.replaceChildren(...oddities.map((text) => make('li', { text })));
    notes.hidden = oddities.length === 0;
  }
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
 * @param {Invoice} invoice
 * @param {boolean} isOpen
 */
function wordsOf(invoice, isOpen) {
  const { state, seen_sat: seen, due_sat: due, missing_sat: missing } = invoice;
  switch (state) {
    case 'OPEN':
      return 'Waiting for your payment. You may close this page: your return link brings you back.';
    case 'PARTIAL':
      return `${short(seen)} of ${short(due)} BCH received. Send ${short(missing)} BCH more to the same address.`;
    case 'SEEN':
      return seenWords(invoice);
    case 'SUSPECT':
      return suspectWords(invoice);
    case 'PAID':
      return paidWords(invoice, isOpen);
    case 'EXPIRED':
      return 'The quote has run out. Paid already? It is still detected: do nothing. Otherwise get a new quote for the same address.';
    case 'REVERSED':
      return isOpen
        ? 'Your payment is no longer in the chain. What you were given stays yours.'
        : 'Your payment is no longer in the chain: it was undone or paid elsewhere. If it comes back, the file opens by itself.';
  }
}

/**
 * @param {Invoice} invoice
 * @param {boolean} isOpen
 */
function paidWords({ depth, is_instant: isInstant }, isOpen) {
  const start = isInstant && depth === 0 ? 'Paid.' : 'Paid and confirmed.';
  return isOpen ? start : `${start} The key is on its way…`;
}

/** @param {Invoice} invoice */
function suspectWords({ flags }) {
  const why = flags.includes('DOUBLE_SPEND_SEEN')
    ? 'a second one contradicts it. The next block decides which one counts.'
    : 'not every server shows or takes it. The next block decides.';
  return `Your payment was seen, but ${why} Do not pay again.`;
}

/** @param {Invoice} invoice */
function seenWords(invoice) {
  const { depth, confirmations, seen_sat: seen } = invoice;
  const start = `Payment seen: ${short(seen)} BCH.`;
  if (invoice.is_instant && depth === 0) return `${start} ${waitWords(invoice.instant_wait)}`;
  if (confirmations === 1) {
    return `${start} Waiting for the next block, about ten minutes. You may close this page.`;
  }
  return `${start} ${depth} of ${confirmations} confirmations, about ten minutes each. You may close this page.`;
}

/**
 * @param {number} sat
 * @returns {string} "0.005": exact, without the zeros at the end
 */
function short(sat) {
  return format
    .coins(sat)
    .replace(' BCH', '')
    .replace(/\.?0+$/, '');
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
