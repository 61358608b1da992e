/**
 * A buyer's purchase, behind its return link: pay, wait, open. Everything it needs stands in the
 * address, so it works in any browser; what this browser remembers is a convenience.
 * @module
 */
import { random, toBase64url } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { deriveKeyPair } from '../crypto/hpke.js';
import { claimSecret } from '../crypto/keys.js';
import { parseReturnFragment, returnFragment } from '../crypto/links.js';
import * as remembered from '../io/buyer.js';
import { sweep } from '../io/halves.js';
import { CannotWork, probe } from '../io/probe.js';
import * as buyer from '../net/buyer.js';
import { Live } from '../net/live.js';
import { t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { InvoiceView, step } from '../ui/invoice.js';
import { linkRow } from '../ui/linkrow.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { spawn } from '../ui/trusted.js';
import { helpWithWallet } from '../ui/wallets.js';
import { arrive } from './arrive.js';
import { Besides } from './besides.js';
import { showVersions, versioned, wanted } from './otherversion.js';
import { fetchStored, plainly, proveOffer } from './proof.js';
import { Repaying, keeper } from './repaying.js';
import { restored } from './restoring.js';
import { showReturnLink } from './returning.js';
import { Unlocking } from './unlocking.js';

/**
 * @import { Proven } from '../io/unlocking.js'
 * @import { Live as LiveFields, Purchase, Words } from '../net/buyer.js'
 * @import { Proof } from './unlocking.js'
 */

const root = byId('purchase');
const place = byId('problem');
const purchaseId = root.dataset['purchase'] ?? '';
const invoiceView = new InvoiceView(root);
const title = document.title;
const UNPAID = new Set(['OPEN', 'EXPIRED']);

/** @type {Purchase | null} */
let view = null;
/** @type {Promise<Proven> | null} */
let proving = null;
/** @type {{fileId: string, stored: ReturnType<typeof fetchStored>} | null} */
let early = null;
/** @type {Unlocking | null} */
let unlocking = null;
/** @type {Repaying | null} */
let repaying = null;
/** @type {Besides | null} */
let besides = null;

arrive();
void start();

async function start() {
  // Tried while the network is asked.
  const probing = probe(
    () => spawn('open'),
    () => deriveKeyPair(random(32)),
  );
  probing.catch(() => undefined);
  try {
    const proof = await identify();
    void askEarly();
    const [found] = await Promise.all([restored(purchaseId, proof.claim), probing]);
    view = versioned(found);
    await checkBeforePaying(proof);
    begin(proof);
  } catch (error) {
    // A browser that is unfit fails in many ways; the reason is told, not its consequence.
    const cause = await probing.then(
      () => error,
      (unfit) => unfit,
    );
    problem.show(place, plainly(cause, 'return'), { retry: () => location.reload() });
    if (cause instanceof CannotWork) place.append(linkRow(location.href));
  }
}

/**
 * A link that was changed on its way, or a file that is no longer the promised one, is told before
 * anything is paid. Whoever has paid goes on, and hears of it where the file would be opened.
 * @param {Proof} proof
 */
async function checkBeforePaying(proof) {
  try {
    await prove(proof);
  } catch (error) {
    const isUnpaid = UNPAID.has(view?.invoice?.state ?? '');
    const isLink = error instanceof KimError && error.code === 'wrong_key';
    if (isLink || (isUnpaid && !isPassing(error))) throw error;
  }
}

/** @returns {Promise<Proof>} from the address, or else from what this browser remembers */
async function identify() {
  if (location.hash.length < 2) {
    const known = await remembered.purchase(purchaseId);
    if (known) {
      const { pathname, search } = location;
      history.replaceState(null, '', pathname + search + returnFragment(known.link, known.seed));
    }
  }
  const { link, seed } = parseReturnFragment(location.hash);
  return { purchaseId, link, seed, claim: toBase64url(claimSecret(seed)) };
}

/** Who ordered in this browser has the file's head on its way before the server says which it is. */
async function askEarly() {
  const known = await remembered.purchase(purchaseId);
  if (!known || proving) return;
  const stored = fetchStored(known.paidFileId, wanted);
  stored.catch(() => undefined);
  early = { fileId: known.paidFileId, stored };
}

/** @param {Proof} proof */
function prove(proof) {
  const { file } = /** @type {Purchase} */ (view);
  const stored = early?.fileId === file.id ? early.stored : undefined;
  early = null;
  proving ??= proveOffer(file, proof.link, stored)
    // What came early is what is on sale by now, which need not be what was bought.
    .catch((error) => (stored ? proveOffer(file, proof.link) : Promise.reject(error)))
    .catch((error) => {
      proving = null;
      throw error;
    });
  return proving;
}

/** @param {Proof} proof */
function begin(proof) {
  unlocking = new Unlocking(root, proof, () => prove(proof));
  repaying = new Repaying(root, keeper(purchaseId, proof.claim), show);
  besides = new Besides(root, proof);
  besides.leaveNote(/** @type {Purchase} */ (view)).catch(() => undefined);
  helpWithWallet(root);
  showReturnLink(root, proof, /** @type {Purchase} */ (view).file.title);
  showShop(/** @type {Purchase} */ (view));
  void remembered.isKept().then((isKept) => (slot(root, 'forgetful').hidden = isKept));
  void sweep();
  wireCopies();
  const live = new Live({
    purchaseId,
    look: async () => show(await restored(purchaseId, proof.claim)),
    hear: (said) => hear(said, live),
  });
  wireQuotes(proof, live);
  setInterval(() => invoiceView.tick(), 1000);
  show(/** @type {Purchase} */ (view));
}

/**
 * One event: states, amounts and words. A new amount has a new request to pay, and money that goes
 * back has an address: these are asked for.
 * @param {LiveFields & Words & {release: Purchase['release']}} said
 * @param {Live} live
 */
function hear(said, live) {
  if (!view) return;
  const { release, says, tone, notes, is_payable, ...fields } = said;
  const known = view.invoice;
  const isSame = known?.missing_sat === fields.missing_sat && view.notes.join() === notes.join();
  const invoice = known && { ...known, ...fields };
  show({ ...view, release, says, tone, notes, is_payable, invoice });
  if (known && !isSame) live.now();
}

/** @param {Purchase} purchase */
function show(purchase) {
  if (purchase.ticket?.body !== view?.ticket?.body) {
    void remembered.keepTicket(purchaseId, purchase.ticket);
  }
  view = versioned(purchase);
  showVersions(root, view);
  const { file, invoice, release } = view;
  const by = file.title ? `${file.title} · ${file.creator.username}` : t('Your purchase');
  slot(root, 'crumb').textContent = `${by} · ${format.bytes(file.payload_bytes)}`;
  const isOpen = unlocking?.isOpen ?? false;
  if (invoice) invoiceView.show(invoice, purchase, isOpen);
  else showWithoutInvoice(purchase);
  const requote = action(root, 'requote');
  repaying?.show(purchase);
  besides?.show(purchase, isOpen);
  if (isOpen) void besides?.remind();
  requote.hidden = isOpen || !canRequote(invoice);
  // Beside a payment that can still be made it is the second choice.
  requote.className = invoice?.state === 'EXPIRED' ? 'primary wide' : 'plain wide';
  const play = root.querySelector('[data-slot="play"]');
  if (play instanceof HTMLElement) play.hidden = slot(root, 'pay').hidden;
  document.title = titleOf(purchase);
  if (release !== 'none' || purchase.grant) {
    void unlocking?.open(view, () => view && show(view));
  }
}

/**
 * Free, given, or asked for again: there is nothing to pay.
 * @param {Purchase} purchase
 */
function showWithoutInvoice({ grant, release, says }) {
  const isAsked = !grant && release === 'none';
  step(root, isAsked ? 'confirm' : 'open');
  const status = slot(root, 'status');
  status.hidden = !isAsked;
  slot(status, 'status-said').textContent = says;
}

/**
 * What a shop added to the order. The host is said: people see where the link leads.
 * @param {Purchase & {reference?: string, return_url?: string}} purchase
 */
function showShop({ reference = '', return_url = '' }) {
  slot(root, 'reference').textContent = reference && t('Order {reference}', { reference });
  const back = /** @type {HTMLAnchorElement} */ (slot(root, 'back'));
  if (return_url.startsWith('https://')) {
    back.href = return_url;
    back.textContent = t('Back to {host}', { host: back.host });
    back.hidden = false;
  }
  slot(root, 'shop').hidden = back.hidden && !reference;
}

/** @param {Purchase['invoice']} invoice */
function canRequote(invoice) {
  if (!invoice || invoice.is_withdrawn) return false;
  const isOver = Date.parse(invoice.quote_until) < Date.now();
  return invoice.state === 'EXPIRED' || (invoice.state === 'PARTIAL' && isOver);
}

/** @param {Purchase} purchase */
function titleOf({ invoice, grant }) {
  if (grant) return t('Yours · {title}', { title });
  if (unlocking?.isOpen || invoice?.state === 'PAID') return t('Paid · {title}', { title });
  return invoice?.state === 'SEEN' ? t('Payment seen · {title}', { title }) : title;
}

function wireCopies() {
  copies(action(root, 'copy-address'), () => view?.invoice?.address ?? '', t('Address copied'));
  copies(
    action(root, 'copy-amount'),
    () => slot(root, 'amount').textContent ?? '',
    t('Amount copied'),
  );
  const uri = root.querySelector('[data-action="copy-uri"]');
  if (uri instanceof HTMLElement) {
    copies(uri, () => view?.invoice?.uri ?? '', t('Payment request copied'));
  }
}

/**
 * @param {Proof} proof
 * @param {Live} live
 */
function wireQuotes(proof, live) {
  const button = action(root, 'requote');
  button.addEventListener('click', async () => {
    if (button.disabled) return;
    button.disabled = true;
    problem.hide(place);
    try {
      show(await buyer.requote(purchaseId, proof.claim));
      toast(t('New quote: the amount has changed, the address has not.'));
    } catch (error) {
      problem.show(place, error);
      live.now();
    } finally {
      button.disabled = false;
    }
  });
}

/** @param {unknown} error  whether it may be gone by itself in a moment */
function isPassing(error) {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : -1;
  return status === 0 || status === 429 || status >= 500;
}
