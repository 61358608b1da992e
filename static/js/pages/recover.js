/**
 * Forwarding with the recovery kit, by the creator's own hand. The kit stays in this page.
 * @module
 */
import { encodeAddress } from '../crypto/cashaddr.js';
import { parseKits } from '../crypto/forwards.js';
import { buildForwards, findCoins, firstOf, readCoins } from '../io/recovery.js';
import * as net from '../net/recovery.js';
import { many, t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, fromTemplate, make, meta, one, slot } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';
import { receiveFile } from '../ui/drop.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { arrive } from './arrive.js';

/**
 * @import { Forward, Kit } from '../crypto/forwards.js'
 * @import { Found } from '../io/recovery.js'
 *
 * @typedef {{kit: Kit, found: Found}} Share  what one kit has
 */

const LISTED = 1_000;
const network = meta('network');
const place = byId('problem');
const root = byId('recover');
const look = byId('look', HTMLButtonElement);
const send = byId('send', HTMLButtonElement);
const fee = byId('fee', HTMLSelectElement);

/** @type {Kit[]} */
let kits = [];
/** @type {Share[]} */
let shares = [];

arrive();
receiveFile(byId('drop'), (file) => void tried(async () => take(await file.text())), refuse);
action(root, 'paste').addEventListener('click', () => {
  void tried(() => take(byId('kit', HTMLTextAreaElement).value));
});
look.addEventListener('click', () => void tried(lookUp));
action(root, 'list').addEventListener('click', list);
action(root, 'bring').addEventListener('click', () => void tried(bring));
fee.addEventListener('change', () => void tried(show));
send.addEventListener('click', () => void tried(sendAll));

/** @param {string} why */
function refuse(why) {
  problem.show(place, new Error(why));
}

/** @param {() => unknown} act */
async function tried(act) {
  problem.hide(place);
  try {
    await act();
  } catch (error) {
    problem.show(place, error);
  }
}

/** @param {string} text  of a key file, or a kit */
function take(text) {
  kits = parseKits(text);
  shares = [];
  byId('intake').hidden = true;
  byId('kits').replaceChildren(
    ...unique(kits.map(payeeOf)).map((address) => make('li', { class: 'mono', text: address })),
  );
  byId('work').hidden = false;
  byId('result').hidden = true;
  look.hidden = false;
  look.focus();
}

async function lookUp() {
  const scan = byId('scan');
  look.disabled = true;
  scan.hidden = false;
  shares = [];
  let before = 0;
  try {
    for (const [at, kit] of kits.entries()) {
      const found = await findCoins(kit, net.coins, (step) => {
        const coins = shares.reduce((sum, share) => sum + share.found.coins.length, 0);
        const facts = stepWords(before + step.scanned, coins + step.coins.length);
        slot(scan, 'said').textContent =
          kits.length > 1
            ? t('Kit {number} of {all}: {facts}', { number: at + 1, all: kits.length, facts })
            : facts;
      });
      before += found.scanned;
      shares.push({ kit, found });
    }
  } finally {
    scan.hidden = true;
    look.disabled = false;
  }
  show();
}

function bring() {
  const text = byId('coins', HTMLTextAreaElement).value;
  const found = readCoins(kits, text, network);
  shares = kits.map((kit) => {
    const mine = found.coins.filter(({ from }) => from.payee === kit.payee);
    return { kit, found: { ...found, coins: mine, stuckSat: 0, tokenSat: 0 } };
  });
  if (shares[0]) shares[0].found.stuckSat = found.stuckSat;
  show();
}

function list() {
  const lines = kits.flatMap((kit) =>
    firstOf(kit, LISTED).map(({ script }) => encodeAddress(script, network)),
  );
  downloadText('kim-addresses.txt', `${lines.join('\n')}\n`, 'text/plain');
}

function show() {
  const rows = planned().map(({ kit, forward }) => row(kit, forward));
  byId('forwards').replaceChildren(...rows);
  byId('result').hidden = false;
  const totalSat = planned().reduce((sum, { forward }) => sum + forward.arrivesSat, 0);
  const isSome = rows.length > 0;
  slot(root, 'total').textContent = isSome
    ? t('{amount} can go to you', { amount: format.coins(totalSat) })
    : t('No payment waits on these addresses');
  slot(root, 'none').hidden = isSome;
  slot(root, 'left').textContent = leftOver();
  slot(root, 'left').hidden = leftOver() === '';
  slot(root, 'approve').hidden = slot(root, 'fees').hidden = !isSome;
  slot(root, 'done').hidden = true;
  send.textContent = t('Send {amount}', { amount: format.coins(totalSat) });
  send.disabled = false;
  look.hidden = isSome;
  byId('result').scrollIntoView({ block: 'nearest' });
}

/** @returns {Array<{kit: Kit, forward: Forward}>} */
function planned() {
  return shares.flatMap(({ kit, found }) =>
    buildForwards(found.coins, Number(fee.value)).map((forward) => ({ kit, forward })),
  );
}

function leftOver() {
  const stuckSat = shares.reduce((sum, { found }) => sum + found.stuckSat, 0);
  const tokenSat = shares.reduce((sum, { found }) => sum + found.tokenSat, 0);
  const lines = [];
  if (stuckSat) {
    lines.push(t('{amount} is too small to be forwarded.', { amount: format.coins(stuckSat) }));
  }
  if (tokenSat) {
    lines.push(t('{amount} lies beside tokens and stays.', { amount: format.coins(tokenSat) }));
  }
  return lines.join(' ');
}

/**
 * @param {Kit} kit
 * @param {Forward} forward
 */
function row(kit, forward) {
  const made = one(fromTemplate('forward'), 'li');
  made.dataset['txid'] = forward.txid;
  slot(made, 'amount').textContent = format.coins(forward.arrivesSat);
  slot(made, 'payee').textContent = payeeOf(kit);
  slot(made, 'fee').textContent = `${forward.feeSat} sat`;
  slot(made, 'txid').textContent = forward.txid;
  slot(made, 'raw').textContent = forward.raw;
  copies(action(made, 'copy'), () => forward.raw, t('Transaction copied'));
  return made;
}

/** Sends one after the other; what went stays marked, and pressing again sends the rest. */
async function sendAll() {
  send.disabled = true;
  try {
    for (const { forward } of planned()) {
      const mine = one(byId('forwards'), `[data-txid="${forward.txid}"]`);
      if (mine.dataset['sent']) continue;
      await net.broadcast(forward.raw);
      mine.dataset['sent'] = 'yes';
      slot(mine, 'state').textContent = t('Sent');
      slot(mine, 'state').hidden = false;
    }
    slot(root, 'approve').hidden = slot(root, 'fees').hidden = true;
    slot(root, 'done').hidden = false;
  } finally {
    send.disabled = false;
  }
}

/** @param {Kit} kit */
function payeeOf(kit) {
  return encodeAddress(kit.payee, network);
}

/** @param {string[]} texts */
function unique(texts) {
  return [...new Set(texts)];
}

/** @param {number} addresses  looked at @param {number} payments  found */
function stepWords(addresses, payments) {
  const looked = many(addresses, '1 address looked at', '{count} addresses looked at', {
    count: format.number(addresses),
  });
  const found = many(payments, '1 payment found', '{count} payments found', {
    count: format.number(payments),
  });
  return `${looked}, ${found}`;
}
