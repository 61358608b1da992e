/**
 * From "paid" to the open file: asks for the key, checks everything that was promised before
 * payment, and offers the file, the licence and the sealed file.
 * @module
 */
import { KimError } from '../crypto/errors.js';
import { openContentKey } from '../io/releasing.js';
import * as buyer from '../net/buyer.js';
import { Copies } from '../net/copies.js';
import { mark, t } from '../texts/say.js';
import { action, byId, slot } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { tellInto } from './faults.js';
import { Failing } from './failing.js';
import { released, saveLicence } from './licensing.js';
import { isObjective } from './saver.js';
import { Saving } from './saving.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Proven } from '../io/unlocking.js'
 * @import { Offer, Purchase } from '../net/buyer.js'
 */

const TRIED_MS = 30_000;
const HINT = mark('It is decrypted here, and every byte is compared with what was sold.');

/**
 * @typedef {object} Proof  what a return link carries
 * @property {string} purchaseId
 * @property {Bytes} link   L
 * @property {Bytes} seed   seed_n
 * @property {string} claim base64url
 */

export class Unlocking {
  #root;
  #proof;
  #prove;
  #failing;
  #isBusy = false;
  /** A failure of proof: asking again does not change it. */
  #isFinal = false;
  isOpen = false;

  /**
   * @param {HTMLElement} root
   * @param {Proof} proof
   * @param {() => Promise<Proven>} prove
   */
  constructor(root, proof, prove) {
    this.#root = root;
    this.#proof = proof;
    this.#prove = prove;
    this.#failing = new Failing(proof.purchaseId, proof.claim);
  }

  /**
   * Safe to call at every piece of news; works once.
   * @param {Purchase} purchase
   * @param {() => void} onOpen
   */
  async open(purchase, onOpen) {
    if (this.isOpen || this.#isBusy || this.#isFinal) return;
    this.#isBusy = true;
    const place = byId('problem');
    try {
      const { purchaseId, link, seed } = this.#proof;
      const offer = purchase.file;
      const [release, proven] = await Promise.all([
        released(this.#proof, offer.content_id),
        this.#prove(),
      ]);
      const facts = { purchaseId, offer, release, link, seed, proven };
      const key = await openContentKey(facts).catch((error) => {
        // From here on the link is right and the money is there: what fails was sold so.
        if (isObjective(error)) void this.#failing.tell('open', error);
        throw error;
      });
      problem.hide(place);
      this.isOpen = true;
      this.#offerFile(offer, proven, key);
      this.#failing.recall().catch(() => undefined);
      onOpen();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'not_paid') return;
      if (code === 'copies_damaged') void this.#failing.tell('open', error);
      this.#isFinal = error instanceof KimError;
      problem.show(place, error, {
        safe: this.#isFinal
          ? t(
              'Your payment is on record, and your return link proves the purchase. Tell the creator what stands here.',
            )
          : t('Your purchase is safe. This page goes on trying by itself.'),
        retry: () => {
          this.#isFinal = false;
          void this.open(purchase, onOpen);
        },
      });
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * @param {Offer} offer
   * @param {Proven} proven
   * @param {Bytes} key  M
   */
  #offerFile(offer, proven, key) {
    const { purchaseId, claim } = this.#proof;
    const copies = new Copies(
      (signal) => buyer.location(purchaseId, claim, offer.content_id, signal),
      tellInto(slot(this.#root, 'copies'), purchaseId, claim),
    );
    const { header, rows, meta } = proven;
    void new Saving(byId('open'), {
      ...{ header, rows, contentKey: key, name: meta.name, hint: t(HINT), purchaseId },
      ...{ contentId: offer.content_id, type: meta.type, isStreamOnly: offer.stream_only },
      read: (from, to, signal) => copies.read(from, to, signal),
      distrust: (offset) => copies.distrust(offset),
      broke: (offset) => copies.broke(offset),
      blame: (step, error) => void this.#failing.tell(step, error),
      stallMs: () => copies.stallMs,
    });
    slot(this.#root, 'keep').hidden = false;
    this.#once('licence', async () => {
      const lasting = await copies.lasting().catch(() => []);
      await saveLicence(this.#proof, offer, { name: meta.name, key, lasting });
    });
    this.#once('sealed', () => this.#saveSealed(copies));
  }

  /**
   * @param {string} name  of a button
   * @param {() => Promise<void>} work  not begun again while it runs
   */
  #once(name, work) {
    const button = action(this.#root, name);
    button.addEventListener('click', async () => {
      if (button.disabled) return;
      button.disabled = true;
      try {
        await work();
      } catch (error) {
        problem.show(byId('problem'), error);
      } finally {
        button.disabled = false;
      }
    });
  }

  /**
   * Handed to the browser, which needs no help with plain bytes; tried first, because an address
   * that answers with an error would take our page's place.
   * @param {Copies} copies
   */
  async #saveSealed(copies) {
    const tried = await copies.read(0, 0, AbortSignal.timeout(TRIED_MS));
    await tried.cancel();
    const { url } = await copies.fresh();
    const link = document.createElement('a');
    link.href = url;
    link.rel = 'noreferrer';
    link.click();
  }
}
