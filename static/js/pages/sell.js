/**
 * The creator's one page: drop, title, price, where the money goes, publish.
 * @module
 */
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import { byId, meta } from '../ui/dom.js';
import { receiveFile } from '../ui/drop.js';
import * as format from '../ui/format.js';
import { showLink } from '../ui/link.js';
import { check } from '../ui/preview.js';
import * as problem from '../ui/problem.js';
import { TransferView } from '../ui/transfer.js';
import { buyYourself, canProve, proofWords } from './buyself.js';
import { InstantField } from './instant.js';
import { downloadFirst, linkOf, remind, rootOf } from './keys.js';
import { Offering } from './offering.js';
import { PayoutField } from './payout.js';
import { publish } from './publishing.js';
import { abandoned, Sending } from './sending.js';
import { keepAwake } from './wake.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Draft } from '../io/store.js'
 * @import { FileView } from '../net/creator.js'
 * @import { Fields } from './publishing.js'
 */

const SAFE = 'Your file here is untouched, and what has arrived stays. Nothing was published.';

class SellPage {
  #username = meta('username');
  #drop = byId('drop');
  #view = new TransferView(byId('transfer'));
  #offering = new Offering();
  #payout = new PayoutField(this.#username, () => check('payout', this.#payout.isGood));
  #instant = new InstantField('');
  #remind = remind(this.#username, (isSaved) => check('key', isSaved));
  #button = byId('publish', HTMLButtonElement);
  #problem = byId('problem');
  #maxBytes = Infinity;
  /** @type {Promise<unknown>} */
  #loaded = Promise.resolve();
  /** @type {Bytes | null} */
  #root = null;
  /** @type {File | null} */
  #file = null;
  /** @type {Sending | null} */
  #sending = null;
  /** @type {Promise<Draft> | null} */
  #ready = null;
  #awake = keepAwake();
  #isPublishing = false;

  start() {
    receiveFile(
      this.#drop,
      (file) => void this.#receive(file),
      (why) => problem.show(this.#problem, new Error(why)),
    );
    const transfer = byId('transfer');
    transfer.addEventListener('kim-cancel', () => void this.#cancel());
    transfer.addEventListener('kim-retry', () => this.#send());
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#isPublishing) void this.#publish();
    });
    addEventListener('beforeunload', (event) => {
      if (this.#isBusy) event.preventDefault();
    });
    byId('form').addEventListener('input', () => this.#instant.setPrice(this.#offering.sat));
    this.#button.disabled = false; // it waited for this module: a press before would have been lost
    this.#load();
    void this.#remind();
    void this.#resume();
  }

  get #isBusy() {
    return this.#isPublishing || byId('transfer').dataset['busy'] === 'true';
  }

  #load() {
    const loads = Promise.all([
      creator.limits().then((limits) => {
        this.#maxBytes = limits.max_file_bytes;
        byId('limit').textContent = `Up to ${format.bytes(limits.max_file_bytes)}.`;
        this.#offering.setLimits(limits);
      }),
      this.#payout.load(),
      this.#instant.load(),
      this.#offering.loadRates().catch(() => undefined), // without a rate the preview says so
    ]);
    this.#loaded = loads;
    loads.catch((error) => problem.show(this.#problem, error, { retry: () => this.#load() }));
  }

  /** A file that was uploaded here, but not published before the page was closed. */
  async #resume() {
    const known = await store.root(this.#username);
    const draft = known && !this.#file ? await abandoned(this.#username) : null;
    if (!known || !draft || this.#file) return;
    this.#root = known.root;
    this.#begin({ name: draft.name, size: draft.sizeBytes });
    const sending = new Sending(this.#username, (facts) => this.#show(facts));
    this.#sending = sending;
    this.#follow(sending.finish(draft), sending);
  }

  /** @param {File} file */
  async #receive(file) {
    problem.hide(this.#problem);
    if (file.size > this.#maxBytes) {
      const [has, most] = [format.bytes(file.size), format.bytes(this.#maxBytes)];
      problem.show(this.#problem, new Error(`${file.name} has ${has}; at most ${most} here.`));
      return;
    }
    this.#file = file;
    this.#begin(file);
    this.#send();
  }

  /** @param {{name: string, size: number}} file */
  #begin(file) {
    this.#drop.hidden = true;
    this.#view.begin(file.name, file.size);
    this.#offering.setFile(file);
  }

  /** Starts, or goes on after a failure: what was acknowledged is not sent again. */
  #send() {
    const file = this.#file;
    const isFresh = !this.#sending || this.#sending.isCancelled;
    const sending = isFresh
      ? new Sending(this.#username, (facts) => this.#show(facts))
      : /** @type {Sending} */ (this.#sending);
    this.#sending = sending;
    this.#follow(this.#run(sending, file), sending);
  }

  /**
   * @param {Sending} sending
   * @param {File | null} file
   * @returns {Promise<Draft>}
   */
  async #run(sending, file) {
    this.#root ??= await rootOf(this.#username);
    if (!this.#root) throw new Error('Without your key nothing can be encrypted.');
    void this.#remind();
    return sending.start(file, this.#root);
  }

  /**
   * @param {Promise<Draft>} ready
   * @param {Sending} sending
   */
  #follow(ready, sending) {
    this.#ready = ready;
    ready.catch((error) => {
      if (sending.isCancelled) return;
      const { message, hint } = problem.said(error);
      this.#show({ state: 'failed', trouble: `${message} ${hint || SAFE}` });
    });
  }

  /** @param {import('../ui/transfer.js').Facts} facts */
  #show(facts) {
    this.#view.show(facts);
    const isMoving = !['ready', 'failed'].includes(facts.state);
    byId('transfer').dataset['busy'] = String(isMoving);
    this.#awake(isMoving);
    check('upload', facts.state === 'ready');
  }

  async #cancel() {
    const sending = this.#sending;
    this.#sending = null;
    this.#ready = null;
    this.#file = null;
    this.#view.hide();
    byId('transfer').dataset['busy'] = 'false';
    this.#awake(false);
    this.#drop.hidden = false;
    this.#offering.setFile(null);
    check('upload', false);
    await sending?.cancel();
  }

  /** May be pressed while the file is still on its way: then the rest follows by itself. */
  async #publish() {
    problem.hide(this.#problem);
    if (!this.#ready) {
      problem.show(this.#problem, new Error('Drop the file you want to sell first.'));
      return;
    }
    this.#setPublishing(true);
    try {
      await this.#loaded;
      const fields = this.#offering.read(this.#payout.kind);
      if (fields && (await this.#payout.keep()) && (await this.#instant.keep())) {
        await this.#goOn({ ...fields, is_instant: this.#instant.isOn });
      }
    } catch (error) {
      problem.show(this.#problem, error, { safe: SAFE, retry: () => void this.#publish() });
    }
    this.#setPublishing(false);
  }

  /** @param {Fields} fields */
  async #goOn(fields) {
    const ready = this.#ready;
    this.#say('It will be published by itself as soon as the file is ready. You can wait here.');
    await downloadFirst(this.#username).catch(() => undefined); // the reminder stays until it works
    void this.#remind();
    if (!ready) return;
    const draft = await ready;
    const root = /** @type {Bytes} */ (this.#root);
    const file = await publish(draft, { root, fields, onStep: (words) => this.#say(`${words}…`) });
    check('selftest', true);
    this.#done(file, root);
  }

  /**
   * @param {FileView} file  published
   * @param {Bytes} root
   */
  #done(file, root) {
    byId('form').hidden = true;
    byId('published').hidden = false;
    showLink(byId('share'), linkOf(root, file), file.title);
    this.#offerProof(file, root);
    byId('published-title').focus();
    void this.#remind();
  }

  /**
   * @param {FileView} file
   * @param {Bytes} root
   */
  #offerProof(file, root) {
    const button = byId('prove', HTMLButtonElement);
    const place = byId('prove-problem');
    byId('proving').hidden = !canProve(file);
    button.textContent = proofWords(file);
    button.addEventListener('click', async () => {
      problem.hide(place);
      button.disabled = true;
      await buyYourself(file, root).catch((error) => problem.show(place, error));
      button.disabled = false;
    });
  }

  /** @param {boolean} isPublishing */
  #setPublishing(isPublishing) {
    this.#isPublishing = isPublishing;
    this.#button.disabled = isPublishing;
    this.#button.setAttribute('aria-busy', String(isPublishing));
    this.#button.textContent = isPublishing ? 'Publishing…' : 'Publish';
    byId('fields', HTMLFieldSetElement).disabled = isPublishing;
    if (!isPublishing) this.#say('');
  }

  /** @param {string} words */
  #say(words) {
    byId('next').textContent = words;
  }
}

new SellPage().start();
