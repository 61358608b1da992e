/**
 * Several files before they leave: looked over, thinned out, added to; then sent as one.
 * @module
 */
import { gather, without } from '../io/selection.js';
import { action, byId, slot } from '../ui/dom.js';
import { showTree } from '../ui/filetree.js';
import * as format from '../ui/format.js';
import { shownName } from '../ui/names.js';
import { many } from '../texts/say.js';

/** @import { Dropped, Selection } from '../io/selection.js' */

/** @param {Selection} selection */
export function sized({ name, sizeBytes, items }) {
  return { name, size: sizeBytes, count: items.length };
}

export class Staging {
  #root = byId('staged');
  #zone = byId('drop');
  /** @type {Dropped | null} */
  #dropped = null;
  #onChange;

  /**
   * @param {{onSend: () => void, onChange: (selection: Selection | null) => void}} heard
   */
  constructor({ onSend, onChange }) {
    this.#onChange = onChange;
    action(this.#root, 'send').addEventListener('click', onSend);
    action(this.#root, 'clear').addEventListener('click', () => this.clear());
  }

  /**
   * @param {Dropped} more
   * @returns {Selection} all that was dropped so far
   * @throws {import('../crypto/errors.js').KimError} `bad_selection`; what was there stays
   */
  add(more) {
    const known = this.#dropped;
    const dropped = known
      ? {
          items: [...known.items, ...more.items],
          emptyFolders: known.emptyFolders + more.emptyFolders,
          handles:
            known.handles.length && more.handles.length ? [...known.handles, ...more.handles] : [],
        }
      : more;
    const selection = gather(dropped);
    this.#dropped = dropped;
    return selection;
  }

  /** @param {Selection} selection */
  show(selection) {
    const { name, items, sizeBytes, remarks } = selection;
    slot(this.#root, 'name').textContent = shownName(name);
    const count = many(items.length, '1 file', '{count} files', {
      count: format.number(items.length),
    });
    slot(this.#root, 'size').textContent = ` · ${count} · ${format.bytes(sizeBytes)}`;
    slot(this.#root, 'remarks').textContent = remarks.join(' ');
    showTree(slot(this.#root, 'tree'), items, (unwanted) => this.#remove(unwanted));
    this.#root.hidden = false;
    this.#zone.classList.add('slim');
    this.#onChange(selection);
  }

  get selection() {
    return this.#dropped && !this.#root.hidden ? gather(this.#dropped) : null;
  }

  /** Nothing is staged any more: it was sent, or thought better of. */
  clear() {
    const wasShown = !this.#root.hidden;
    this.hide();
    if (wasShown) this.#onChange(null);
  }

  hide() {
    this.#dropped = null;
    this.#root.hidden = true;
    this.#zone.classList.remove('slim');
  }

  /** @param {import('../io/selection.js').Item[]} unwanted */
  #remove(unwanted) {
    if (!this.#dropped) return;
    const gone = new Set(unwanted.map(({ file }) => file));
    const dropped = without(this.#dropped, gone);
    if (dropped.items.length === 0) {
      this.clear();
      return;
    }
    // Handles name whole folders: with a file taken out they would bring back too much.
    this.#dropped = { ...dropped, handles: [] };
    this.show(gather(this.#dropped));
  }
}
