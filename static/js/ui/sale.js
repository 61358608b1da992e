/**
 * One sale in the list, in plain words.
 * @module
 */
import { mark, t } from '../texts/say.js';
import { fromTemplate, make, one, slot } from './dom.js';
import * as format from './format.js';

/** @typedef {import('../net/sales.js').Sale} Sale */

/** @type {Record<import('../net/sales.js').State, {text: string, tone: string}>} */
const STATES = {
  OPEN: { text: mark('Not paid yet'), tone: '' },
  PARTIAL: { text: mark('Part paid'), tone: 'amber' },
  SEEN: { text: mark('Waiting for a block'), tone: '' },
  SUSPECT: { text: mark('Conflict seen'), tone: 'amber' },
  PAID: { text: mark('Paid'), tone: 'go' },
  EXPIRED: { text: mark('Never paid'), tone: '' },
  REVERSED: { text: mark('Reversed'), tone: 'red' },
};

/** @type {Record<string, string>} */
const FLAGS = {
  OVER: mark('More came than was asked for.'),
  LATE: mark('It came after the quote had ended.'),
  TOKEN_IGNORED: mark('A token came to the address; it does not count as payment.'),
  COINBASE_WAIT: mark('Newly mined coins came; they count after 100 blocks.'),
  DUST: mark('An amount came that is too small to count.'),
  DOUBLE_SPEND_SEEN: mark('Somebody tried to spend the same coins twice.'),
  EVICTED: mark('The network has dropped a payment.'),
  VOID: mark('The order was called off.'),
  REFUND_DUE: mark('A refund is due.'),
  REFUNDED: mark('It was refunded.'),
  RATE_DRIFT: mark('The rate has moved since the quote.'),
  SPV_PENDING: mark('The proof of its block is still to come.'),
  OVERSOLD: mark('Sold beyond the stock.'),
};

/**
 * @param {Sale} sale
 * @param {string} evidence  where its evidence file is
 * @returns {HTMLElement}
 */
export function rowOf(sale, evidence) {
  const row = one(fromTemplate('sale-row'), 'li');
  const title = /** @type {HTMLAnchorElement} */ (slot(row, 'title'));
  title.textContent = sale.title;
  title.href = `/f/${sale.file}`;
  const { text, tone } = STATES[sale.state];
  const state = slot(row, 'state');
  state.textContent = t(text);
  state.className = `badge ${tone}`;
  slot(row, 'sum').textContent = sumOf(sale);
  slot(row, 'worth').textContent = worthOf(sale);
  slot(row, 'facts').textContent = factsOf(sale);
  const notes = notesOf(sale);
  slot(row, 'notes').textContent = notes;
  slot(row, 'notes').hidden = notes === '';
  slot(row, 'pairs').append(...pairsOf(sale));
  /** @type {HTMLAnchorElement} */ (slot(row, 'evidence')).href = evidence;
  return row;
}

/** @param {Sale} sale */
function sumOf(sale) {
  if (sale.seen_sat === 0) {
    return t('{amount} asked, nothing came', { amount: format.coins(sale.due_sat) });
  }
  if (sale.state === 'PARTIAL') {
    return t('{came} came, {missing} missing', {
      came: format.coins(sale.seen_sat),
      missing: format.coins(sale.missing_sat),
    });
  }
  return format.coins(sale.settled_sat || sale.seen_sat);
}

/** @param {Sale} sale */
function worthOf(sale) {
  if (sale.worth) return t('{price} when it came', { price: format.price(sale.worth) });
  return sale.price.currency === 'BCH'
    ? ''
    : t('price {price}', { price: format.price(sale.price) });
}

/** @param {Sale} sale */
function factsOf(sale) {
  const facts = [t('Ordered {time}', { time: format.dateTime(sale.created_at) })];
  if (sale.settled_at) {
    const [ordered, paid] = [new Date(sale.created_at), new Date(sale.settled_at)];
    const isSameDay = ordered.toDateString() === paid.toDateString();
    const time = isSameDay ? format.date(paid, { timeStyle: 'short' }) : format.dateTime(paid);
    facts.push(
      sale.is_instant ? t('paid {time}, before a block', { time }) : t('paid {time}', { time }),
    );
  }
  if (sale.tip) facts.push(t('with a tip of {price}', { price: format.price(sale.tip) }));
  if (sale.is_proof) facts.push(t('your own test, in no total'));
  return facts.join(' · ');
}

/** @param {Sale} sale */
function notesOf(sale) {
  const notes = sale.flags.map((flag) => t(FLAGS[flag] ?? flag));
  if (sale.state === 'SUSPECT') notes.unshift(t('Something speaks against it: its block decides.'));
  if (sale.state === 'REVERSED') notes.unshift(t('The network took the payment back.'));
  return notes.join(' ');
}

/**
 * @param {Sale} sale
 * @returns {HTMLElement[]}
 */
function pairsOf(sale) {
  /** @type {[string, string][]} */
  const pairs = sale.payments.flatMap((each) => {
    /** @type {[string, string][]} */
    const told = [[paymentOf(each), each.txid]];
    if (each.forward_txid) told.push([t('Passed on to you by'), each.forward_txid]);
    return told;
  });
  if (sale.refund?.txid) {
    pairs.push([
      t('Refund of {amount}', { amount: format.coins(sale.refund.paid_sat) }),
      sale.refund.txid,
    ]);
  } else if (sale.refund && !sale.refund.is_closed) {
    pairs.push([t('Refund due'), format.coins(sale.refund.due_sat)]);
  }
  pairs.push([t('Address'), sale.address], originOf(sale.derivation));
  pairs.push([t('Purchase'), sale.purchase], [t('Invoice'), sale.invoice]);
  return pairs.flatMap(([name, value]) => [
    make('dt', { text: name }),
    make('dd', { text: value }),
  ]);
}

/** @param {Sale['payments'][number]} payment */
function paymentOf({ value_sat, height, confirmations }) {
  const amount = format.coins(value_sat);
  if (height === null) return t('Payment of {amount}, in no block yet', { amount });
  if (confirmations === 0) return t('Payment of {amount}, block {height}', { amount, height });
  return t('Payment of {amount}, block {height}, {depth} deep', {
    ...{ amount, height, depth: confirmations },
  });
}

/**
 * Where the address comes from: what to look for in the wallet, or in the recovery kit.
 * @param {string} derivation
 * @returns {[string, string]}
 */
function originOf(derivation) {
  const [kind, number = ''] = derivation.split(' ');
  return kind === 'forwarder'
    ? [t('Number of the address in your recovery kit'), number]
    : [t('Path of the address below your xpub'), derivation];
}
