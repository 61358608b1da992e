/**
 * The list of uploads that did not get to their end: what they are, how far they came, "Resume" and
 * "Forget". On the page where one sells, and above the list of files.
 * @module
 */
import { gather } from '../io/selection.js';
import { firstChanged } from '../io/reconciling.js';
import * as store from '../io/store.js';
import * as unfinished from '../io/unfinished.js';
import { action, byId, fromTemplate, one, slot } from '../ui/dom.js';
import { chosen, reopened } from '../ui/drop.js';
import * as format from '../ui/format.js';
import { shownName } from '../ui/names.js';
import * as problem from '../ui/problem.js';
import { many, t } from '../texts/say.js';
import { forget, running } from './leftovers.js';
import { listed } from './sealing.js';

/**
 * @import { Selection } from '../io/selection.js'
 * @import { UploadRow } from '../io/unfinished.js'
 */

/** @typedef {UploadRow & {doneBytes: number}} Counted */

const SHOWN_AGAIN_MS = 3_000;

export class Unfinished {
  #username;
  #onResume;
  #hidden = '';

  /**
   * @param {string} username
   * @param {((row: UploadRow, selection: Selection) => void) | null} onResume  null where nothing is
   *   sent: then Resume leads to the page where it is
   */
  constructor(username, onResume) {
    this.#username = username;
    this.#onResume = onResume;
  }

  /** Shows the list, and keeps it true while other tabs work. */
  async show() {
    await this.#fill();
    setInterval(() => {
      if (document.visibilityState === 'visible') void this.#fill();
    }, SHOWN_AGAIN_MS);
  }

  /** @param {string} uploadId  which runs in this page, and needs no row beside it */
  async hide(uploadId) {
    this.#hidden = uploadId;
    await this.#fill();
  }

  /**
   * @param {Selection} selection  just dropped
   * @returns {Promise<UploadRow | null>} the upload that was begun with exactly these files
   */
  matching(selection) {
    return matching(this.#username, selection, null);
  }

  async #fill() {
    const [all, busy] = await rowsOf(this.#username);
    const rows = all.filter(({ uploadId }) => uploadId !== this.#hidden);
    const list = byId('unfinished-list');
    const told = rows
      .map((row) => `${row.uploadId}${row.doneBytes}${busy.has(row.uploadId)}`)
      .join();
    if (list.dataset['told'] === told) return;
    list.dataset['told'] = told;
    list.replaceChildren(...rows.map((row) => this.#rowOf(row, busy.has(row.uploadId))));
    byId('unfinished').hidden = rows.length === 0;
  }

  /**
   * @param {Counted} row
   * @param {boolean} isRunning
   */
  #rowOf(row, isRunning) {
    const element = one(fromTemplate('unfinished-row'), 'li');
    element.dataset['upload'] = row.uploadId;
    slot(element, 'name').textContent = shownName(row.name);
    slot(element, 'facts').textContent = factsOf(row, isRunning);
    const bar = /** @type {HTMLProgressElement} */ (one(element, 'progress'));
    bar.value = row.sizeBytes > 0 ? (1000 * row.doneBytes) / row.sizeBytes : 0;
    const input = /** @type {HTMLInputElement} */ (one(element, 'input'));
    input.multiple = row.isBundle;
    input.webkitdirectory = row.isFolder;
    const place = slot(element, 'problem');
    input.addEventListener('change', () => this.#resume(row, place, () => chosen(input)));
    const resume = action(element, 'resume');
    resume.hidden = isRunning;
    resume.addEventListener('click', () => {
      if (row.replaces) location.assign(`/files/?replace=${row.replaces.paidFileId}`);
      else if (!this.#onResume) location.assign(`/sell/?resume=${row.uploadId}`);
      else if (row.handles.length === 0) input.click();
      else this.#resume(row, place, async () => (await reopened(row.handles)) ?? input.click());
    });
    const drop = action(element, 'forget');
    drop.hidden = isRunning;
    drop.addEventListener('click', async () => {
      drop.disabled = true;
      await forget(row.uploadId).catch(() => undefined); // the server's sweep finds what is left
      await this.#fill();
    });
    return element;
  }

  /**
   * @param {UploadRow} row
   * @param {HTMLElement} place
   * @param {() => unknown} open  gives what was dropped; nothing if the person is asked instead
   */
  async #resume(row, place, open) {
    problem.hide(place);
    try {
      const dropped = /** @type {import('../io/selection.js').Dropped | undefined} */ (
        await open()
      );
      if (dropped) this.#onResume?.(row, gather(dropped));
    } catch (error) {
      problem.show(place, error);
    }
  }
}

/**
 * @param {string} username
 * @param {Selection} selection  just dropped
 * @param {string | null} paidFileId  of the file whose content it is to replace
 * @returns {Promise<UploadRow | null>} the upload that was begun with exactly these files, for this
 */
export async function matching(username, selection, paidFileId) {
  const [rows, busy] = await rowsOf(username);
  const now = selection.items.map(listed);
  const isSame = (/** @type {Counted} */ row) =>
    (row.replaces?.paidFileId ?? null) === paidFileId &&
    row.name === selection.name &&
    row.isBundle === selection.isBundle &&
    firstChanged(row.files, now) < 0 &&
    row.files.every(({ path }, at) => path === now[at]?.path);
  return rows.find((row) => !busy.has(row.uploadId) && isSame(row)) ?? null;
}

/**
 * @param {string} username
 * @returns {Promise<[Counted[], Set<string>]>}
 */
async function rowsOf(username) {
  const [rows, whole, busy] = await Promise.all([
    unfinished.uploads(username),
    store.drafts(username),
    running(),
  ]);
  const isWhole = new Set(whole.map(({ uploadId }) => uploadId)); // the page takes those up by itself
  return [rows.filter(({ uploadId }) => !isWhole.has(uploadId)), busy];
}

/**
 * @param {Counted} row
 * @param {boolean} isRunning
 */
function factsOf({ isBundle, files, sizeBytes, doneBytes, startedAt, replaces }, isRunning) {
  const facts = [format.progress(doneBytes, sizeBytes)];
  if (replaces) facts.unshift(t('a new version'));
  if (isBundle) facts.unshift(many(files.length, '1 file', '{count} files'));
  facts.push(t('begun {when}', { when: format.moment(startedAt) }));
  if (isRunning) facts.push(t('running in another tab'));
  return facts.join(' · ');
}
