/**
 * The last step, wherever the sealed bytes come from: one file and one button, or a bundle and its
 * list (bundle.js).
 * @module
 */
import * as halves from '../io/halves.js';
import { safeName } from '../io/unlocking.js';
import { t } from '../texts/say.js';
import { action, fromTemplate, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { Bundle } from './bundle.js';
import { offerPreview } from './preview.js';
import { Saver } from './saver.js';

/**
 * @import { Going } from '../io/disk.js'
 * @import { Sealed } from './saver.js'
 */

export class Saving {
  #root;
  #sealed;
  #name;
  #saver;
  /** @type {Bundle | null} */
  #bundle = null;
  /** @type {import('./preview.js').Preview | null} */
  #preview = null;
  /** @type {Awaited<ReturnType<typeof halves.find>>} */
  #half = null;

  /**
   * @param {HTMLElement} place
   * @param {Sealed} sealed
   */
  constructor(place, sealed) {
    place.replaceChildren(fromTemplate('saving'));
    this.#root = one(place, '.saving');
    this.#sealed = sealed;
    this.#name = safeName(sealed.name);
    const { header, hint } = sealed;
    slot(this.#root, 'name').textContent = this.#name;
    slot(this.#root, 'size').textContent = format.bytes(header.payloadSize);
    slot(this.#root, 'hint').textContent = hint;
    this.#saver = new Saver(this.#root, sealed, (isRunning) => this.#show(isRunning));
    if (header.isBundle) {
      this.#bundle = new Bundle(this.#root, sealed, this.#saver);
      void this.#bundle.open();
      return;
    }
    action(this.#root, 'save').addEventListener('click', () => void this.#save({}));
    const saveAs = action(this.#root, 'save-as');
    saveAs.hidden = !('showSaveFilePicker' in window);
    saveAs.addEventListener('click', () => void this.#save({ isChosen: true }));
    action(this.#root, 'start-over').addEventListener('click', () => void this.#startOver());
    void this.#lookForHalf();
    this.#preview = offerPreview(this.#root, sealed);
  }

  /** Ends a transfer that runs; nothing of it stays behind. */
  stop() {
    this.#preview?.close();
    this.#saver.stop();
    this.#bundle?.close();
  }

  /** @param {{isChosen?: boolean}} how */
  async #save({ isChosen = false }) {
    const { header } = this.#sealed;
    const going = isChosen ? null : this.#going();
    const isSaved = await this.#saver.save({
      name: this.#name,
      size: header.payloadSize,
      isChosen,
      ...(going ? { going } : {}),
    });
    if (isSaved) {
      const save = action(this.#root, 'save');
      save.textContent = t('Save again');
      save.className = 'plain';
      slot(this.#root, 'hint').hidden = true;
      this.#root.dataset['state'] = 'saved';
    }
    await this.#lookForHalf();
  }

  /** @returns {Going | null} */
  #going() {
    const wanted = this.#wanted;
    const { plainSize } = this.#sealed.header;
    return wanted && halves.goingOn(wanted, { plainSize, known: this.#half });
  }

  get #wanted() {
    const { header, purchaseId, contentId } = this.#sealed;
    if (!purchaseId) return null;
    return { purchaseId, contentId, name: this.#name, size: header.payloadSize };
  }

  /** Says what is there of an earlier visit's saving, and offers to go on with it. */
  async #lookForHalf() {
    const { header } = this.#sealed;
    const hadHalf = this.#half !== null;
    this.#half = this.#wanted && (await halves.find(this.#wanted, header.plainSize));
    const note = slot(this.#root, 'half');
    note.hidden = this.#half === null;
    action(this.#root, 'start-over').hidden = this.#half === null;
    const save = action(this.#root, 'save');
    if (this.#half) {
      const there = format.progress(this.#half.bytes, header.payloadSize);
      note.textContent = t('{progress} are here already, every byte of them checked.', {
        progress: there,
      });
      save.textContent = t('Go on saving');
    } else if (hadHalf && this.#root.dataset['state'] !== 'saved') save.textContent = t('Save');
  }

  async #startOver() {
    if (this.#half) await halves.drop(this.#half.half);
    await this.#lookForHalf();
  }

  /** @param {boolean} isRunning */
  #show(isRunning) {
    this.#root.dataset['state'] = isRunning ? 'running' : 'idle';
    slot(this.#root, 'choices').hidden = isRunning || this.#bundle !== null;
    if (isRunning) slot(this.#root, 'half').hidden = true;
    this.#bundle?.setRunning(isRunning);
  }
}
