/**
 * A friend pays: code, amount, time left and address. This page has no key and no claim, and does not
 * know what is bought.
 * @module
 */
import { wait } from '../net/backoff.js';
import { payment } from '../net/library.js';
import { t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { heldFor } from '../ui/invoice.js';
import * as problem from '../ui/problem.js';
import { qr } from '../ui/qr.js';
import { helpWithWallet } from '../ui/wallets.js';

/** @import { Payment } from '../net/library.js' */

const LOOK_MS = 4_000;
const HIDDEN_MS = 30_000;
const OVER = new Set(['PAID']);

const root = byId('pay');
const place = byId('problem');
let drawn = '';
/** @type {Payment | null} */
let known = null;

async function follow() {
  for (;;) {
    try {
      show(await payment(root.dataset['invoice'] ?? ''));
      problem.hide(place);
    } catch (error) {
      problem.show(place, error, { safe: t('Nothing was paid by this page. It goes on trying.') });
    }
    if (known && OVER.has(known.state)) return;
    await wait(document.visibilityState === 'visible' ? LOOK_MS : HIDDEN_MS);
  }
}

/** @param {Payment} told */
function show(told) {
  known = told;
  const { state, says, tone, is_payable: isPayable, uri, address, missing_sat: missing } = told;
  slot(root, 'said').textContent = says;
  const status = slot(root, 'status');
  status.dataset['tone'] = tone;
  status.dataset['state'] = state;
  status.toggleAttribute('data-still', state === 'PAID' || state === 'EXPIRED');
  for (const name of ['pay', 'rows', 'no-wallet']) slot(root, name).hidden = !isPayable;
  const amount = format.amount(missing);
  if (drawn !== uri) slot(root, 'qr').replaceChildren(qr(uri));
  drawn = uri;
  slot(root, 'uri').setAttribute('href', uri);
  slot(root, 'coins').textContent = format.decimal(amount);
  slot(root, 'amount').textContent = amount;
  slot(root, 'address').textContent = address;
  tick();
}

function tick() {
  if (!known) return;
  const price = known.price.currency === 'BCH' ? '' : format.price(known.price);
  const part = known.state === 'PARTIAL' ? t('still to send') : price;
  const facts = [part, heldFor(known.quote_until)];
  slot(root, 'fiat').textContent = facts.filter(Boolean).join(' · ');
}

copies(action(root, 'copy-address'), () => known?.address ?? '', t('Address copied'));
copies(
  action(root, 'copy-amount'),
  () => slot(root, 'amount').textContent ?? '',
  t('Amount copied'),
);
helpWithWallet(root);
setInterval(tick, 1000);
void follow();
