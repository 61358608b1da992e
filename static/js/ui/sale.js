/**
 * One sale in the list, in plain words.
 * @module
 */
import { fromTemplate, make, one, slot } from './dom.js';
import * as format from './format.js';

/** @typedef {import('../net/sales.js').Sale} Sale */

/** @type {Record<import('../net/sales.js').State, {text: string, tone: string}>} */
const STATES = {
  OPEN: { text: 'Not paid yet', tone: '' },
  PARTIAL: { text: 'Part paid', tone: 'amber' },
  SEEN: { text: 'Waiting for a block', tone: '' },
  SUSPECT: { text: 'Conflict seen', tone: 'amber' },
  PAID: { text: 'Paid', tone: 'go' },
  EXPIRED: { text: 'Never paid', tone: '' },
  REVERSED: { text: 'Reversed', tone: 'red' },
};

/** @type {Record<string, string>} */
const FLAGS = {
  OVER: 'More came than was asked for.',
  LATE: 'It came after the quote had ended.',
  TOKEN_IGNORED: 'A token came to the address; it does not count as payment.',
  COINBASE_WAIT: 'Newly mined coins came; they count after 100 blocks.',
  DUST: 'An amount came that is too small to count.',
  DOUBLE_SPEND_SEEN: 'Somebody tried to spend the same coins twice.',
  EVICTED: 'The network has dropped a payment.',
  VOID: 'The order was called off.',
  REFUND_DUE: 'A refund is due.',
  REFUNDED: 'It was refunded.',
  RATE_DRIFT: 'The rate has moved since the quote.',
  SPV_PENDING: 'The proof of its block is still to come.',
  OVERSOLD: 'Sold beyond the stock.',
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
  state.textContent = text;
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
  if (sale.seen_sat === 0) return `${format.coins(sale.due_sat)} asked, nothing came`;
  if (sale.state === 'PARTIAL') {
    return `${format.coins(sale.seen_sat)} came, ${format.coins(sale.missing_sat)} missing`;
  }
  return format.coins(sale.settled_sat || sale.seen_sat);
}

/** @param {Sale} sale */
function worthOf(sale) {
  if (sale.worth) return `${format.price(sale.worth)} when it came`;
  return sale.price.currency === 'BCH' ? '' : `price ${format.price(sale.price)}`;
}

/** @param {Sale} sale */
function factsOf(sale) {
  const facts = [`Ordered ${moment(sale.created_at)}`];
  if (sale.settled_at) {
    const [ordered, paid] = [new Date(sale.created_at), new Date(sale.settled_at)];
    const isSameDay = ordered.toDateString() === paid.toDateString();
    const when = isSameDay ? clock(paid) : moment(sale.settled_at);
    facts.push(`paid ${when}${sale.is_instant ? ', before a block' : ''}`);
  }
  if (sale.tip) facts.push(`with a tip of ${format.price(sale.tip)}`);
  if (sale.is_proof) facts.push('your own test, in no total');
  return facts.join(' · ');
}

/** @param {Sale} sale */
function notesOf(sale) {
  const notes = sale.flags.map((flag) => FLAGS[flag] ?? flag);
  if (sale.state === 'SUSPECT') notes.unshift('Something speaks against it: its block decides.');
  if (sale.state === 'REVERSED') notes.unshift('The network took the payment back.');
  return notes.join(' ');
}

/**
 * @param {Sale} sale
 * @returns {HTMLElement[]}
 */
function pairsOf(sale) {
  /** @type {[string, string][]} */
  const pairs = sale.payments.flatMap((each) => {
    const where = each.height === null ? 'in no block yet' : `block ${each.height}`;
    const depth = each.confirmations > 0 ? `, ${each.confirmations} deep` : '';
    /** @type {[string, string][]} */
    const told = [[`Payment of ${format.coins(each.value_sat)}, ${where}${depth}`, each.txid]];
    if (each.forward_txid) told.push(['Passed on to you by', each.forward_txid]);
    return told;
  });
  if (sale.refund?.txid) {
    pairs.push([`Refund of ${format.coins(sale.refund.paid_sat)}`, sale.refund.txid]);
  } else if (sale.refund && !sale.refund.is_closed) {
    pairs.push(['Refund due', format.coins(sale.refund.due_sat)]);
  }
  pairs.push(['Address', sale.address], originOf(sale.derivation));
  pairs.push(['Purchase', sale.purchase], ['Invoice', sale.invoice]);
  return pairs.flatMap(([name, value]) => [
    make('dt', { text: name }),
    make('dd', { text: value }),
  ]);
}

/**
 * Where the address comes from: what to look for in the wallet, or in the recovery kit.
 * @param {string} derivation
 * @returns {[string, string]}
 */
function originOf(derivation) {
  const [kind, number = ''] = derivation.split(' ');
  return kind === 'forwarder'
    ? ['Number of the address in your recovery kit', number]
    : ['Path of the address below your xpub', derivation];
}

/** @param {string} iso */
function moment(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** @param {Date} at */
function clock(at) {
  return at.toLocaleTimeString(undefined, { timeStyle: 'short' });
}
