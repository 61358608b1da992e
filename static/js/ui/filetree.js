/**
 * What a bundle holds, as a tree that opens folder by folder: ten thousand files cost nothing until
 * somebody looks.
 * @module
 */
import { many, t } from '../texts/say.js';
import { make } from './dom.js';
import * as format from './format.js';
import { shownName } from './names.js';

const SHOWN_MOST = 500;

/**
 * @typedef {{path: string, file: File}} Item
 * @typedef {{name: string, items: Item[], folders: Map<string, Folder>, all: Item[]}} Folder
 */

/**
 * @param {HTMLElement} place
 * @param {Item[]} items
 * @param {(unwanted: Item[]) => void} onRemove
 */
export function showTree(place, items, onRemove) {
  place.replaceChildren(listOf(grow(items), onRemove));
}

/** @param {Item[]} items */
function grow(items) {
  /** @type {Folder} */
  const top = { name: '', items: [], folders: new Map(), all: items };
  for (const item of items) {
    let folder = top;
    for (const name of item.path.split('/').slice(0, -1)) {
      let inner = folder.folders.get(name);
      if (!inner) {
        inner = { name, items: [], folders: new Map(), all: [] };
        folder.folders.set(name, inner);
      }
      inner.all.push(item);
      folder = inner;
    }
    folder.items.push(item);
  }
  return top;
}

/**
 * @param {Folder} folder
 * @param {(unwanted: Item[]) => void} onRemove
 */
function listOf({ folders, items }, onRemove) {
  const list = make('ul', { class: 'tree' });
  for (const folder of folders.values()) list.append(folderRow(folder, onRemove));
  for (const item of items.slice(0, SHOWN_MOST)) list.append(fileRow(item, onRemove));
  const more = items.length - SHOWN_MOST;
  if (more > 0) {
    list.append(
      make('li', {
        class: 'soft',
        text: many(more, 'and one more file', 'and {count} more files'),
      }),
    );
  }
  return list;
}

/**
 * @param {Folder} folder
 * @param {(unwanted: Item[]) => void} onRemove
 */
function folderRow(folder, onRemove) {
  const { all, name } = folder;
  const size = all.reduce((sum, { file }) => sum + file.size, 0);
  const count = many(all.length, '1 file', '{count} files');
  const summary = make(
    'summary',
    {},
    make('bdi', { text: `${shownName(name)}/` }),
    make('span', { class: 'soft', text: `${count} · ${format.bytes(size)}` }),
  );
  const details = make('details', {}, summary);
  details.addEventListener('toggle', () => {
    if (details.childElementCount === 1) details.append(listOf(folder, onRemove));
  });
  return make(
    'li',
    { class: 'folder' },
    details,
    removal(name, () => onRemove(all)),
  );
}

/**
 * @param {Item} item
 * @param {(unwanted: Item[]) => void} onRemove
 */
function fileRow(item, onRemove) {
  const name = item.path.slice(item.path.lastIndexOf('/') + 1);
  const row = make(
    'li',
    {},
    make('bdi', { text: shownName(name) }),
    make('span', { class: 'soft', text: format.bytes(item.file.size) }),
    removal(name, () => onRemove([item])),
  );
  row.dataset['testid'] = 'bundle-file';
  row.dataset['path'] = item.path;
  return row;
}

/**
 * @param {string} name
 * @param {() => void} act
 */
function removal(name, act) {
  const button = make('button', { class: 'quiet', text: t('Remove') });
  button.setAttribute('type', 'button');
  button.setAttribute('aria-label', t('Remove {name}', { name: shownName(name) }));
  button.addEventListener('click', act);
  return button;
}
