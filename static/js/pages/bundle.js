/**
 * A bundle once its key is there: its directory as a tree, every file saved (and where it can be,
 * shown) alone, or all as one zip archive that is made while they come.
 * @module
 */
import { bundleSink, readDirectory } from '../io/bundling.js';
import { safeName } from '../io/unlocking.js';
import { many, t } from '../texts/say.js';
import { action, fromTemplate, make, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { spawn } from '../ui/trusted.js';
import { zipSize } from '../worker/zipping.js';
import { Preview } from './preview.js';
import { reading } from './saver.js';

/**
 * @import { Entry } from '../crypto/directory.js'
 * @import { Saver, Sealed } from './saver.js'
 *
 * @typedef {object} Folder
 * @property {Map<string, Folder>} folders
 * @property {Entry[]} files
 * @property {number} count  files below, at any depth
 * @property {number} bytes  of them
 */

/** A small bundle is shown whole; a large one by folder. */
const OPEN_FILES = 100;
const ROWS = 500;
const ORDER = new Intl.Collator(undefined, { numeric: true });

export class Bundle {
  #root;
  #sealed;
  #saver;
  /** @type {Preview[]} */
  #previews = [];
  #isRunning = false;
  #isClosed = false;

  /**
   * @param {HTMLElement} root  with the slots of the `saving` template
   * @param {Sealed} sealed
   * @param {Saver} saver
   */
  constructor(root, sealed, saver) {
    this.#root = root;
    this.#sealed = sealed;
    this.#saver = saver;
    slot(root, 'choices').hidden = true;
  }

  /** Reads what is in it, and lists it. */
  async open() {
    const said = slot(this.#root, 'listing');
    said.textContent = t('Reading the list of files…');
    said.hidden = false;
    try {
      const stop = new AbortController();
      const entries = await readDirectory({ ...reading(this.#sealed), signal: stop.signal });
      if (this.#isClosed) return;
      said.hidden = true;
      this.#list(entries);
    } catch (error) {
      said.hidden = true;
      this.#saver.fail(error, 'directory');
    }
  }

  close() {
    this.#isClosed = true;
    for (const preview of this.#previews) preview.close();
  }

  /** @param {boolean} isRunning  one transfer at a time */
  setRunning(isRunning) {
    this.#isRunning = isRunning;
    for (const button of this.#root.querySelectorAll('[data-saves]')) {
      /** @type {HTMLButtonElement} */ (button).disabled = isRunning;
    }
  }

  /** @param {Entry[]} entries */
  #list(entries) {
    const tree = treeOf(entries);
    slot(this.#root, 'size').textContent = sumOf(tree);
    const list = slot(this.#root, 'files');
    this.#fill(list, tree, entries.length <= OPEN_FILES);
    list.hidden = false;
    const zip = action(this.#root, 'zip');
    slot(this.#root, 'zipping').hidden = entries.length === 0;
    zip.hidden = this.#sealed.isStreamOnly === true;
    zip.addEventListener('click', () => void this.#saveAll(entries));
  }

  /**
   * @param {HTMLElement} list
   * @param {Folder} folder
   * @param {boolean} isOpen  whether the folders in it are
   */
  #fill(list, { folders, files }, isOpen) {
    const names = [...folders.keys()].sort(ORDER.compare);
    list.append(
      ...names.map((name) => this.#folder(name, /** @type {Folder} */ (folders.get(name)), isOpen)),
    );
    const sorted = files.toSorted((a, b) => ORDER.compare(a.path, b.path));
    this.#addRows(list, sorted);
  }

  /**
   * So many at once as a page can draw in a moment; the rest when it is asked for.
   * @param {HTMLElement} list
   * @param {Entry[]} entries
   */
  #addRows(list, entries) {
    const [now, later] = [entries.slice(0, ROWS), entries.slice(ROWS)];
    list.append(...now.map((entry) => this.#row(entry)));
    if (later.length === 0) return;
    const next = Math.min(ROWS, later.length);
    const button = make('button', {
      class: 'plain',
      text: t('Show {next} more of {all}', { next, all: later.length }),
    });
    button.setAttribute('type', 'button');
    const item = make('li', {}, button);
    button.addEventListener('click', () => {
      item.remove();
      this.#addRows(list, later);
    });
    list.append(item);
  }

  /**
   * @param {string} name
   * @param {Folder} folder
   * @param {boolean} isOpen
   */
  #folder(name, folder, isOpen) {
    const item = one(fromTemplate('bundle-folder'), 'li');
    slot(item, 'name').textContent = name;
    slot(item, 'sum').textContent = sumOf(folder);
    const details = /** @type {HTMLDetailsElement} */ (one(item, 'details'));
    const list = one(item, 'ul');
    const fill = () => {
      if (list.childElementCount === 0) this.#fill(list, folder, isOpen);
    };
    details.addEventListener('toggle', fill);
    details.open = isOpen;
    if (isOpen) fill();
    return item;
  }

  /** @param {Entry} entry */
  #row(entry) {
    const item = one(fromTemplate('bundle-file'), 'li');
    const name = nameOf(entry);
    item.dataset['path'] = entry.path;
    slot(item, 'name').textContent = name;
    slot(item, 'size').textContent = format.bytes(entry.size);
    const save = action(item, 'save');
    save.setAttribute('aria-label', t('Save {name}', { name }));
    save.disabled = this.#isRunning;
    save.addEventListener('click', async () => {
      if (await this.#saveOne(entry)) save.textContent = t('Saved');
    });
    const part = { at: entry.offset, sizeBytes: entry.size, type: entry.type, name };
    const preview = new Preview(item, this.#sealed, part);
    this.#previews.push(preview);
    void preview.offer().then((isShown) => {
      save.hidden = isShown && this.#sealed.isStreamOnly === true;
    });
    return item;
  }

  /** @param {Entry} entry */
  #saveOne(entry) {
    const { offset, size } = entry;
    return this.#saver.save({
      name: safeName(nameOf(entry)),
      size,
      range: { from: offset, to: offset + size },
      through: (inner) => bundleSink(inner, [entry], { isZip: false, spawn: spawnCheck }),
    });
  }

  /** @param {Entry[]} entries */
  async #saveAll(entries) {
    const last = /** @type {Entry} */ (entries.at(-1));
    /** @type {number} */
    let size;
    try {
      size = zipSize(entries);
    } catch (error) {
      this.#saver.fail(error, 'file');
      return;
    }
    const isSaved = await this.#saver.save({
      name: `${safeName(this.#sealed.name)}.zip`,
      size,
      range: { from: 0, to: last.offset + last.size },
      through: (inner) => bundleSink(inner, entries, { isZip: true, spawn: spawnCheck }),
    });
    if (isSaved) action(this.#root, 'zip').textContent = t('Save all again');
  }
}

function spawnCheck() {
  return spawn('bundle');
}

/**
 * @param {Entry[]} entries
 * @returns {Folder}
 */
function treeOf(entries) {
  const root = newFolder();
  for (const entry of entries) {
    let folder = root;
    add(folder, entry);
    for (const name of entry.path.split('/').slice(0, -1)) {
      const inner = folder.folders.get(name) ?? newFolder();
      folder.folders.set(name, inner);
      folder = inner;
      add(folder, entry);
    }
    folder.files.push(entry);
  }
  return root;
}

/** @returns {Folder} */
function newFolder() {
  return { folders: new Map(), files: [], count: 0, bytes: 0 };
}

/**
 * @param {Folder} folder
 * @param {Entry} entry
 */
function add(folder, { size }) {
  folder.count += 1;
  folder.bytes += size;
}

/** @param {Folder} folder */
function sumOf({ count, bytes }) {
  return `${many(count, '1 file', '{count} files')} · ${format.bytes(bytes)}`;
}

/** @param {Entry} entry */
function nameOf({ path }) {
  return path.slice(path.lastIndexOf('/') + 1);
}
