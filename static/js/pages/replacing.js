/**
 * Other content in the place of what a file sells, under the same link: the way of a first upload,
 * with the choice about those who bought it before. An upload that was cut goes on here.
 * @module
 */
import { parseHeader } from '../crypto/header.js';
import { gather } from '../io/selection.js';
import * as store from '../io/store.js';
import * as unfinished from '../io/unfinished.js';
import * as creator from '../net/creator.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, meta, one, slot } from '../ui/dom.js';
import { receiveAll } from '../ui/drop.js';
import * as format from '../ui/format.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import { shownName } from '../ui/names.js';
import * as problem from '../ui/problem.js';
import { TransferView } from '../ui/transfer.js';
import { mark, t } from '../texts/say.js';
import { matching } from './resuming.js';
import { Sending } from './sending.js';
import { swap } from './swapping.js';
import { keepAwake } from './wake.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Dropped, Selection } from '../io/selection.js'
 * @import { Draft } from '../io/store.js'
 * @import { UploadRow } from '../io/unfinished.js'
 * @import { FileView } from '../net/creator.js'
 */

const SAFE = mark('What is on sale stays on sale; nothing was replaced.');

/**
 * @param {FileView} file
 * @param {Bytes} root  R
 * @returns {Promise<boolean>} whether it was replaced
 */
export async function openReplace(file, root) {
  const dialog = dialogs.open('file-replace');
  const replacing = new Replacing(dialog, file, root);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(replacing.isDone));
    void replacing.start();
  });
}

class Replacing {
  #dialog;
  #file;
  #root;
  #username = meta('username');
  #view;
  #place;
  #button;
  #awake = keepAwake();
  /** @type {Sending | null} */
  #sending = null;
  /** @type {Selection | null} */
  #selection = null;
  /** @type {UploadRow | null} */
  #row = null;
  /** @type {Promise<Draft> | null} */
  #ready = null;
  #isBusy = false;
  isDone = false;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {FileView} file
   * @param {Bytes} root
   */
  constructor(dialog, file, root) {
    this.#dialog = dialog;
    this.#file = file;
    this.#root = root;
    this.#view = new TransferView(byId('replace-transfer'));
    this.#place = slot(dialog, 'problem');
    this.#button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
  }

  async start() {
    const dialog = this.#dialog;
    slot(dialog, 'title').textContent = this.#file.title;
    keepLinkless(byId('replace-note', HTMLTextAreaElement));
    const failed = (/** @type {unknown} */ error) => problem.show(this.#place, error);
    const receive = (/** @type {Dropped} */ dropped) => {
      this.#receive(dropped).catch(failed);
    };
    const folder = byId('replace-folder', HTMLInputElement);
    receiveAll(byId('replace-drop'), folder, receive, failed);
    byId('replace-choose-folder').addEventListener('click', () => folder.click());
    const transfer = byId('replace-transfer');
    transfer.addEventListener('kim-cancel', () => void this.#cancel());
    transfer.addEventListener('kim-retry', () => this.#send());
    transfer.addEventListener('kim-pause', () => this.#sending?.pause());
    transfer.addEventListener('kim-unpause', () => this.#sending?.unpause());
    dialog.addEventListener('cancel', (event) => {
      if (this.#isBusy) event.preventDefault();
    });
    dialog.addEventListener('close', () => void this.#sending?.leave());
    one(dialog, 'form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#isBusy) void this.#replace();
    });
    await this.#takeUpWhole();
  }

  /** What was uploaded whole on an earlier visit, and waits. */
  async #takeUpWhole() {
    const drafts = await store.drafts(this.#username);
    const draft = drafts.find(({ replaces }) => replaces?.paidFileId === this.#file.id);
    if (!draft) return;
    this.#begin(draft.name, draft.sizeBytes);
    const sending = this.#newSending();
    this.#follow(sending.finish(draft), sending);
  }

  /** @param {Dropped} dropped */
  async #receive(dropped) {
    problem.hide(this.#place);
    const selection = gather(dropped);
    const { max_file_bytes: most } = await creator.limits();
    if (selection.sizeBytes > most) {
      throw new Error(t('At most {size} here.', { size: format.bytes(most) }));
    }
    this.#selection = selection;
    this.#row = await matching(this.#username, selection, this.#file.id);
    this.#begin(selection.name, selection.sizeBytes, selection.items.length);
    this.#send();
  }

  /**
   * @param {string} name
   * @param {number} sizeBytes
   * @param {number} [count]
   */
  #begin(name, sizeBytes, count = 1) {
    slot(this.#dialog, 'choosing').hidden = true;
    this.#view.begin(shownName(name), sizeBytes, count);
  }

  #newSending() {
    const { id, link_file_id, generation, link_generation } = this.#file;
    const replaces = {
      paidFileId: id,
      linkFileId: link_file_id,
      generation: generation + 1,
      linkGeneration: link_generation,
    };
    const sending = new Sending(this.#username, (facts) => this.#show(facts), replaces);
    this.#sending = sending;
    return sending;
  }

  #send() {
    const isFresh = !this.#sending || this.#sending.isCancelled;
    const sending = isFresh ? this.#newSending() : /** @type {Sending} */ (this.#sending);
    this.#follow(sending.start(this.#selection, this.#root, this.#row), sending);
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
      this.#show({ state: 'failed', trouble: `${message} ${hint || t(SAFE)}` });
    });
  }

  /** @param {import('../ui/transfer.js').Facts} facts */
  #show(facts) {
    this.#view.show(facts);
    this.#awake(!['ready', 'failed', 'paused'].includes(facts.state));
  }

  async #cancel() {
    const sending = this.#sending;
    this.#sending = null;
    this.#ready = null;
    this.#selection = null;
    this.#row = null;
    this.#view.hide();
    this.#awake(false);
    slot(this.#dialog, 'choosing').hidden = false;
    await sending?.cancel();
  }

  /** May be pressed while it is still on its way: then the rest follows by itself. */
  async #replace() {
    problem.hide(this.#place);
    if (!this.#ready) {
      problem.show(this.#place, new Error(t('Choose the new file first.')));
      return;
    }
    this.#setBusy(true);
    try {
      const draft = await this.#ready;
      await this.#swap(draft);
      this.isDone = true;
      this.#sending = null;
      this.#dialog.close();
    } catch (error) {
      problem.show(this.#place, error, { safe: t(SAFE) });
    }
    this.#setBusy(false);
  }

  /** @param {Draft} draft */
  async #swap(draft) {
    const kept = draft.replaces;
    if (!kept?.metaLink) {
      throw new Error(t('The description of the upload is missing. Send it again.'));
    }
    const form = /** @type {HTMLFormElement} */ (one(this.#dialog, 'form'));
    const file = await creator.file(this.#file.id); // another tab may have changed it
    const said = slot(this.#dialog, 'step');
    await swap(file, {
      root: this.#root,
      header: parseHeader(draft.core),
      contentId: draft.contentId,
      upload: draft.uploadId,
      metaLink: kept.metaLink,
      sealedUnder: kept.linkGeneration,
      note: linkless(byId('replace-note', HTMLTextAreaElement).value).trim(),
      isForEarlier: new FormData(form).get('earlier') === 'new',
      onStep: (words) => (said.textContent = `${words}…`),
    });
    await Promise.all([store.dropDraft(draft.uploadId), unfinished.dropForm(draft.uploadId)]);
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.#isBusy = isBusy;
    this.#button.disabled = isBusy;
    action(this.#dialog, 'cancel').disabled = isBusy;
    this.#button.setAttribute('aria-busy', String(isBusy));
    if (!isBusy) slot(this.#dialog, 'step').textContent = '';
  }
}
