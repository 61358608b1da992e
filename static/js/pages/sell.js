/**
 * The creator's one page: drop, title, price, where the money goes, publish.
 * @module
 */
import { KimError } from '../crypto/errors.js';
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import { byId, meta } from '../ui/dom.js';
import { receiveAll } from '../ui/drop.js';
import * as format from '../ui/format.js';
import { showLink } from '../ui/link.js';
import { shownName } from '../ui/names.js';
import { check, showCover } from '../ui/preview.js';
import * as problem from '../ui/problem.js';
import { TransferView } from '../ui/transfer.js';
import { mark, t } from '../texts/say.js';
import { buyYourself, canProve, proofWords } from './buyself.js';
import { InstantField } from './instant.js';
import { downloadFirst, linkOf, remind, rootOf } from './keys.js';
import { abandoned } from './leftovers.js';
import { Offering } from './offering.js';
import { PayoutField } from './payout.js';
import { publish } from './publishing.js';
import { Unfinished } from './resuming.js';
import { Sending } from './sending.js';
import { Showing } from './showing.js';
import { sized, Staging } from './staging.js';
import * as typed from './typed.js';
import { keepAwake } from './wake.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Dropped, Selection } from '../io/selection.js'
 * @import { Draft } from '../io/store.js'
 * @import { UploadRow } from '../io/unfinished.js'
 * @import { FileView } from '../net/creator.js'
 * @import { Fields } from './publishing.js'
 */

/** Refused before anything moved: another choice may do. */
const NOT_THIS = new Set(['file_changed', 'running_elsewhere']);
const SAFE = mark(
  'Your file here is untouched, and what has arrived stays. Nothing was published.',
);

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
  /** @type {Selection | null} */
  #selection = null;
  /** Of an earlier visit, if this goes on with one. @type {UploadRow | null} */
  #row = null;
  #staging = new Staging({
    onSend: () => this.#sendStaged(),
    onChange: (selection) => this.#offering.setFile(selection && sized(selection)),
  });
  #unfinished = new Unfinished(this.#username, (row, selection) => this.#takeUp(row, selection));
  /** @type {Sending | null} */
  #sending = null;
  /** @type {Promise<Draft> | null} */
  #ready = null;
  #showing = new Showing(byId('showing', HTMLDetailsElement), showCover);
  #awake = keepAwake();
  #isPublishing = false;
  #receiving = Promise.resolve();
  #shown = '';

  start() {
    const failed = (/** @type {unknown} */ error) => problem.show(this.#problem, error);
    const folder = byId('folder', HTMLInputElement);
    const receive = (/** @type {Dropped} */ dropped) => {
      this.#receiving = this.#receive(dropped).catch(failed);
    };
    receiveAll(this.#drop, folder, receive, failed);
    byId('choose-folder').addEventListener('click', () => folder.click());
    const transfer = byId('transfer');
    transfer.addEventListener('kim-cancel', () => void this.#cancel());
    transfer.addEventListener('kim-retry', () => this.#send());
    transfer.addEventListener('kim-pause', () => this.#sending?.pause());
    transfer.addEventListener('kim-unpause', () => this.#sending?.unpause());
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#isPublishing) void this.#publish();
    });
    addEventListener('beforeunload', (event) => {
      if (this.#isBusy) event.preventDefault();
    });
    byId('form').addEventListener('input', () => {
      this.#instant.setPrice(this.#offering.sat);
      this.#keepTyped();
    });
    this.#button.disabled = false; // it waited for this module: a press before would have been lost
    this.#load();
    void this.#remind();
    void this.#resume();
    void this.#unfinished.show().then(() => this.#lead());
  }

  get #isBusy() {
    const isMoving = byId('transfer').dataset['busy'] === 'true';
    return this.#isPublishing || (isMoving && !this.#sending?.isResumable);
  }

  #load() {
    const loads = Promise.all([
      creator.limits().then((limits) => {
        this.#maxBytes = limits.max_file_bytes;
        const size = format.bytes(limits.max_file_bytes);
        byId('limit').textContent = t('Up to {size}.', { size });
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
    const draft = known && (await abandoned(this.#username, () => !this.#selection));
    if (!known || !draft) return;
    this.#root = known.root;
    void this.#restore(draft.uploadId);
    this.#begin({ name: draft.name, size: draft.sizeBytes });
    const sending = new Sending(this.#username, (facts) => this.#show(facts));
    this.#sending = sending;
    this.#follow(sending.finish(draft), sending);
  }

  /** From the list of files: the row that was asked for is the next thing to press. */
  #lead() {
    const uploadId = new URLSearchParams(location.search).get('resume');
    const row = uploadId && document.querySelector(`[data-upload="${CSS.escape(uploadId)}"]`);
    if (!row) return;
    row.scrollIntoView({ block: 'center' });
    row.querySelector('button')?.focus();
  }

  /** @param {string} uploadId */
  async #restore(uploadId) {
    await this.#loaded.catch(() => undefined); // the currencies there are
    await typed.restore(uploadId);
  }

  #keepTyped() {
    const uploadId = this.#sending?.uploadId;
    if (uploadId) void typed.keep(uploadId);
  }

  /** @param {Dropped} dropped */
  async #receive(dropped) {
    problem.hide(this.#problem);
    const selection = this.#staging.add(dropped);
    if (selection.sizeBytes > this.#maxBytes) {
      this.#staging.clear();
      const [has, most] = [format.bytes(selection.sizeBytes), format.bytes(this.#maxBytes)];
      const name = shownName(selection.name);
      throw new Error(t('{name} has {has}; at most {most} here.', { name, has, most }));
    }
    const row = await this.#unfinished.matching(selection);
    if (row) this.#takeUp(row, selection);
    else if (selection.isBundle) this.#staging.show(selection);
    else this.#sendNew(selection);
  }

  /** @returns {boolean} whether there was something to send */
  #sendStaged() {
    const { selection } = this.#staging;
    if (selection) this.#sendNew(selection);
    return selection !== null;
  }

  /** @param {Selection} selection */
  #sendNew(selection) {
    this.#staging.hide();
    this.#selection = selection;
    this.#row = null;
    this.#begin(sized(selection));
    this.#send();
  }

  /**
   * @param {UploadRow} row
   * @param {Selection} selection
   */
  #takeUp(row, selection) {
    if (this.#sending) return; // one at a time in one page
    this.#staging.hide();
    this.#selection = selection;
    this.#row = row;
    void this.#restore(row.uploadId);
    this.#begin({ name: row.name, size: row.sizeBytes, count: row.files.length });
    void this.#unfinished.hide(row.uploadId);
    this.#send();
  }

  /** @param {{name: string, size: number, count?: number}} file */
  #begin(file) {
    this.#drop.hidden = true;
    byId('choosing').hidden = true;
    this.#view.begin(shownName(file.name), file.size, file.count);
    this.#offering.setFile(file);
    this.#showing.begin(file, this.#selection);
  }

  /** Starts, or goes on after a failure: what was acknowledged is not sent again. */
  #send() {
    const isFresh = !this.#sending || this.#sending.isCancelled;
    const sending = isFresh
      ? new Sending(this.#username, (facts) => this.#show(facts))
      : /** @type {Sending} */ (this.#sending);
    this.#sending = sending;
    this.#follow(this.#run(sending), sending);
  }

  /**
   * @param {Sending} sending
   * @returns {Promise<Draft>}
   */
  async #run(sending) {
    const [selection, row] = [this.#selection, this.#row];
    this.#root ??= await rootOf(this.#username);
    if (!this.#root) throw new Error(t('Without your key nothing can be encrypted.'));
    void this.#remind();
    return sending.start(selection, this.#root, row);
  }

  /**
   * @param {Promise<Draft>} ready
   * @param {Sending} sending
   */
  #follow(ready, sending) {
    this.#ready = ready;
    ready.catch((error) => {
      if (sending.isCancelled) return;
      if (error instanceof KimError && NOT_THIS.has(error.code)) {
        void this.#giveBack(error);
        return;
      }
      const { message, hint } = problem.said(error);
      this.#show({ state: 'failed', trouble: `${message} ${hint || t(SAFE)}` });
    });
  }

  /** @param {import('../ui/transfer.js').Facts} facts */
  #show(facts) {
    this.#view.show(facts);
    if (this.#shown !== facts.state) this.#enter(facts.state);
    const isMoving = !['ready', 'failed', 'paused'].includes(facts.state);
    byId('transfer').dataset['busy'] = String(isMoving);
    this.#awake(isMoving);
    check('upload', facts.state === 'ready');
  }

  /**
   * Nothing has moved: the list of unfinished uploads is there again, as it was.
   * @param {KimError} error
   */
  async #giveBack(error) {
    this.#clear();
    await this.#unfinished.hide('');
    problem.show(this.#problem, error);
  }

  /** @param {string} state */
  #enter(state) {
    this.#shown = state;
    if (state !== 'uploading' || !this.#sending?.uploadId) return;
    this.#keepTyped(); // from here on there is something to keep it with
    void this.#unfinished.hide(this.#sending.uploadId);
  }

  async #cancel() {
    const sending = this.#sending;
    this.#clear();
    await sending?.cancel();
  }

  #clear() {
    this.#sending = null;
    this.#shown = '';
    this.#ready = null;
    this.#selection = null;
    this.#row = null;
    this.#view.hide();
    byId('choosing').hidden = false;
    byId('transfer').dataset['busy'] = 'false';
    this.#awake(false);
    this.#drop.hidden = false;
    this.#offering.setFile(null);
    this.#showing.setSold(null);
    check('upload', false);
  }

  /** May be pressed while the file is still on its way: then the rest follows by itself. */
  async #publish() {
    problem.hide(this.#problem);
    this.#isPublishing = true; // one press is enough
    await this.#receiving; // what was dropped a moment ago is still being looked at
    this.#isPublishing = false;
    if (!this.#ready && !this.#sendStaged()) {
      problem.show(this.#problem, new Error(t('Drop the file you want to sell first.')));
      return;
    }
    if (this.#showing.missing) {
      problem.show(this.#problem, new Error(this.#showing.missing));
      return;
    }
    this.#setPublishing(true);
    try {
      await this.#loaded;
      const fields = this.#offering.read(this.#payout.kind);
      const isKept = fields && (await this.#payout.keep(fields.pricing.kind));
      if (isKept && (await this.#instant.keep())) {
        await this.#goOn({ ...fields, is_instant: this.#instant.isOn });
      }
    } catch (error) {
      problem.show(this.#problem, error, { safe: t(SAFE), retry: () => void this.#publish() });
    }
    this.#setPublishing(false);
  }

  /** @param {Fields} fields */
  async #goOn(fields) {
    const ready = this.#ready;
    this.#say(t('It will be published by itself as soon as the file is ready. You can wait here.'));
    this.#root ??= await rootOf(this.#username); // the sending may still be fetching it
    await downloadFirst(this.#username).catch(() => undefined); // the reminder stays until it works
    void this.#remind();
    if (!ready) return;
    const draft = await ready;
    const root = /** @type {Bytes} */ (this.#root);
    const onStep = (/** @type {string} */ words) => this.#say(`${words}…`);
    const file = await publish(draft, { root, fields, onStep, showing: this.#showing });
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
    this.#button.textContent = isPublishing ? t('Publishing…') : t('Publish');
    byId('fields', HTMLFieldSetElement).disabled = isPublishing;
    if (!isPublishing) this.#say('');
  }

  /** @param {string} words */
  #say(words) {
    byId('next').textContent = words;
  }
}

new SellPage().start();
