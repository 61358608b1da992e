/**
 * A receipt to print: what, when, how much, from whom; signed by the site, and checked here where the
 * browser can.
 * @module
 */
import { concat, fromBase64url, fromUtf8, toBase64url, utf8 } from '../crypto/bytes.js';
import { claimSecret } from '../crypto/keys.js';
import { parseReturnFragment } from '../crypto/links.js';
import * as remembered from '../io/buyer.js';
import * as buyer from '../net/buyer.js';
import { instance } from '../net/library.js';
import { t } from '../texts/say.js';
import { action, byId, slot } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { plainly } from './proof.js';

/**
 * @typedef {{instance: string, paid_file: string, purchase: string, content_id: string,
 *   paid_sat: number, outputs: string[], settled_at: string}} Receipt  what is signed
 */

const root = byId('receipt');
const purchaseId = root.dataset['purchase'] ?? '';

async function start() {
  const { seed } = await keysOf();
  byId('back', HTMLAnchorElement).hash = location.hash;
  const claim = toBase64url(claimSecret(seed));
  const [purchase, signed, { signing_key: key }] = await Promise.all([
    buyer.purchase(purchaseId, claim),
    buyer.receipt(purchaseId, claim),
    instance(),
  ]);
  const receipt = JSON.parse(fromUtf8(fromBase64url(signed.receipt)));
  show(purchase, receipt);
  slot(root, 'signature').textContent = signed.signature;
  slot(root, 'key').textContent = key;
  slot(root, 'fits').hidden = !(await fits(signed, key));
  action(root, 'save').addEventListener('click', () => {
    const saved = { kim: 'receipt', v: 1, ...signed, signing_key: key };
    downloadText(`receipt-${purchaseId.slice(0, 8)}.json`, `${JSON.stringify(saved, null, 2)}\n`);
  });
  byId('said').hidden = true;
  slot(root, 'paper').hidden = false;
}

/** From the address, or from what this browser remembers. */
async function keysOf() {
  const known = location.hash.length < 2 ? await remembered.purchase(purchaseId) : undefined;
  return known ?? parseReturnFragment(location.hash);
}

/**
 * @param {buyer.Purchase} purchase
 * @param {Receipt} receipt
 */
function show({ file, invoice, grant }, receipt) {
  const paid = receipt.paid_sat > 0;
  const price = invoice && invoice.price.currency !== 'BCH' ? format.price(invoice.price) : '';
  slot(root, 'sum').textContent = paid ? format.coins(receipt.paid_sat) : t('Free of charge');
  slot(root, 'title').textContent = file.title || t('A file');
  slot(root, 'seller').textContent = file.creator.username;
  slot(root, 'instance').textContent = receipt.instance;
  slot(root, 'when').textContent = format.date(receipt.settled_at, {
    dateStyle: 'long',
    timeStyle: 'long',
  });
  slot(root, 'price').textContent = price || (grant === 'again' ? t('Given again') : '');
  slot(root, 'price-name').hidden = slot(root, 'price').textContent === '';
  slot(root, 'outputs').textContent = receipt.outputs.join('\n');
  slot(root, 'outputs-name').hidden = receipt.outputs.length === 0;
  slot(root, 'purchase').textContent = receipt.purchase;
  slot(root, 'content').textContent = receipt.content_id;
}

/**
 * @param {{receipt: string, signature: string}} signed
 * @param {string} key  base64url
 * @returns {Promise<boolean>} false too where this browser cannot check
 */
async function fits({ receipt, signature }, key) {
  try {
    const algorithm = { name: 'Ed25519' };
    const known = await crypto.subtle.importKey('raw', fromBase64url(key), algorithm, false, [
      'verify',
    ]);
    const bytes = concat(utf8('KIM1 receipt'), fromBase64url(receipt));
    return await crypto.subtle.verify(algorithm, known, fromBase64url(signature), bytes);
  } catch {
    return false;
  }
}

action(root, 'print').addEventListener('click', () => print());
start().catch((error) => {
  byId('said').hidden = true;
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const told =
    code === 'not_paid'
      ? Object.assign(new Error(t('There is no receipt yet.')), {
          hint: t('It stands here once the payment is confirmed.'),
        })
      : plainly(error, 'return');
  problem.show(byId('problem'), told, { retry: () => location.reload() });
});
