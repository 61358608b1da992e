/**
 * Beside a purchase: a link for a friend who pays, the receipt, the note for other devices, and the
 * request for what was lost.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { returnFragment } from '../crypto/links.js';
import { sealNote } from '../crypto/notes.js';
import * as remembered from '../io/buyer.js';
import * as buyer from '../net/buyer.js';
import { t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { linkRow } from '../ui/linkrow.js';

/** @import { Purchase } from '../net/buyer.js' */
/** @import { Proof } from './unlocking.js' */

export class Besides {
  #root;
  #proof;
  #friendly = '';
  #isAsking = false;

  /**
   * @param {HTMLElement} root
   * @param {Proof} proof
   */
  constructor(root, proof) {
    this.#root = root;
    this.#proof = proof;
    const { purchaseId, link, seed } = proof;
    const receipt = /** @type {HTMLAnchorElement} */ (slot(root, 'receipt'));
    receipt.href = `/p/${purchaseId}/receipt${returnFragment(link, seed)}`;
    shareable(action(root, 'share-friend'), () => ({ url: this.#friendly }));
  }

  /**
   * @param {Purchase} purchase
   * @param {boolean} isOpen
   */
  show(purchase, isOpen) {
    const { invoice, grant, file, pay_page: path } = purchase;
    this.#showFriend(isOpen || !purchase.is_payable ? '' : path);
    const isAsked = !invoice && !grant && !isOpen && purchase.release === 'none';
    slot(this.#root, 'asking').hidden = !isAsked;
    if (isAsked) this.#askFor(file.title, file.creator.username);
  }

  /**
   * Made without one, before notes were or after a loss: B alone is to open this purchase as well.
   * @param {Purchase} purchase
   */
  async leaveNote({ has_note: hasNote, file }) {
    if (hasNote) return;
    const { purchaseId, claim, link, seed } = this.#proof;
    const note = toBase64url(await sealNote(seed, file.id, link));
    await buyer.keepNote(purchaseId, claim, note);
  }

  /** Once, quietly, where there is something to lose and nobody took the words along. */
  async remind() {
    const { current } = await remembered.roots();
    slot(this.#root, 'shelf').hidden = !current || current.isKept === true;
  }

  /** @param {string} path */
  #showFriend(path) {
    const part = slot(this.#root, 'friend');
    part.hidden = path === '';
    const url = path && location.origin + path;
    if (!url || url === this.#friendly) return;
    this.#friendly = url;
    const row = linkRow(url);
    const field = /** @type {HTMLInputElement} */ (row.firstElementChild);
    field.dataset['testid'] = 'friend-link';
    field.setAttribute('aria-label', t('Link for a friend who pays'));
    slot(part, 'friend-link').replaceChildren(row);
  }

  /**
   * @param {string} title
   * @param {string} creator
   */
  #askFor(title, creator) {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const [when, hint] = [
      byId('asking-date', HTMLInputElement),
      byId('asking-txid', HTMLInputElement),
    ];
    const text = byId('asking-text', HTMLTextAreaElement);
    const write = () => {
      const day = when.valueAsDate && format.date(when.valueAsDate, { timeZone: 'UTC' });
      const payment = hint.value.trim();
      text.value = [
        t('Hello {creator}, I bought “{title}” from you and lost it. Please give it to me again:', {
          creator,
          title,
        }),
        `${location.origin}/sales/?again=${this.#proof.purchaseId}`,
        day ? t('I paid on {day}.', { day }) : '',
        payment ? t('What I have of the payment: {payment}', { payment }) : '',
      ]
        .filter(Boolean)
        .join('\n');
    };
    when.addEventListener('input', write);
    hint.addEventListener('input', write);
    write();
    copies(action(this.#root, 'copy-asking'), () => text.value, t('Request copied'));
    shareable(action(this.#root, 'share-asking'), () => ({ text: text.value }));
  }
}

/**
 * @param {HTMLButtonElement} button  shown where there is a share sheet
 * @param {() => ShareData} what
 */
function shareable(button, what) {
  button.hidden = !navigator.share;
  // Closing the share sheet rejects the promise; nothing has to happen then.
  button.addEventListener('click', () => void navigator.share(what()).catch(() => undefined));
}
