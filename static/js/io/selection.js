/**
 * From what was dropped to what will be sold: one file, or a folder with paths that every system can
 * write. What cannot go in is refused before a byte moves; what is left out is said.
 * @module
 */
import { checkPaths } from '../crypto/directory.js';
import { KimError } from '../crypto/errors.js';
import { many, t } from '../texts/say.js';

/**
 * @typedef {object} Item
 * @property {string} path  as dropped, "/"-separated
 * @property {File} file
 *
 * @typedef {object} Dropped
 * @property {Item[]} items
 * @property {number} emptyFolders
 * @property {any[]} handles  FileSystemHandles, where the browser gives any
 *
 * @typedef {object} Selection
 * @property {string} name       of the file or the folder
 * @property {boolean} isBundle
 * @property {boolean} isFolder
 * @property {Item[]} items      in payload order; paths are relative and NFC
 * @property {any[]} handles
 * @property {number} sizeBytes  of the files together
 * @property {string[]} remarks  what was left out, what may surprise a buyer
 */

export const MAX_FILES = 10_000;

/** What systems put beside people's files. */
const LITTER = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini']);
const NAMED = 3;

/**
 * @param {Dropped} dropped
 * @returns {Selection}
 * @throws {KimError} `bad_selection`
 */
export function gather({ items, emptyFolders, handles }) {
  const named = items.map(({ path, file }) => ({ path: path.normalize('NFC'), file }));
  const isFolder = named.some(({ path }) => path.includes('/'));
  const wanted = isFolder ? named.filter(({ path }) => !LITTER.has(lastOf(path))) : named;
  if (wanted.length === 0) {
    throw refused(t('There is no file in it.'), t('Drop one with files in it.'));
  }
  const isBundle = isFolder || wanted.length > 1;
  const top = topOf(wanted);
  const list = wanted
    .map(({ path, file }) => ({ path: top ? path.slice(top.length + 1) : path, file }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
  if (isBundle) check(list.map(({ path }) => path));
  return {
    name: top ?? nameOf(list),
    isBundle,
    isFolder,
    items: list,
    handles,
    sizeBytes: list.reduce((sum, { file }) => sum + file.size, 0),
    remarks: isBundle
      ? remarksOf(list, { emptyFolders, litter: items.length - wanted.length })
      : [],
  };
}

/**
 * @param {File} file
 * @returns {Selection}
 */
export function single(file) {
  return gather({ items: [{ path: file.name, file }], emptyFolders: 0, handles: [] });
}

/**
 * The same without a file or a folder.
 * @param {Dropped} dropped
 * @param {Set<File>} unwanted
 * @returns {Dropped}
 */
export function without(dropped, unwanted) {
  return { ...dropped, items: dropped.items.filter(({ file }) => !unwanted.has(file)) };
}

/** @param {string} path */
function lastOf(path) {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * @param {Item[]} items
 * @returns {string | null} the one folder that everything lies in
 */
function topOf(items) {
  const tops = new Set(items.map(({ path }) => (path.includes('/') ? path.split('/')[0] : '')));
  const [top] = tops;
  return tops.size === 1 && top ? top : null;
}

/** @param {Item[]} items */
function nameOf(items) {
  const first = lastOf(items[0]?.path ?? '');
  const more = items.length - 1;
  if (more === 0) return first;
  const bare = first.replace(/\.[A-Za-z0-9]{1,8}$/, '');
  return t('{name} and {more} more', { name: bare, more });
}

/** @param {string[]} paths */
function check(paths) {
  if (paths.length > MAX_FILES) {
    throw refused(
      t('These are {count} files.', { count: paths.length }),
      t('At most {most} go into one sale.', { most: MAX_FILES }),
    );
  }
  const twice = repeated(paths);
  if (twice.length > 0) {
    throw refused(
      t('Two files have the same name: {names}.', { names: shown(twice) }),
      t('Put them into folders.'),
    );
  }
  for (const path of paths) {
    try {
      checkPaths([path]);
    } catch (cause) {
      const name = shown([path]);
      throw refused(
        path.includes('\\')
          ? t('The name {name} holds a backslash.', { name })
          : t('The name {name} holds a part that no system can write.', { name }),
        t('Rename it, then drop it again.'),
        cause,
      );
    }
  }
  try {
    checkPaths(paths);
  } catch (cause) {
    throw refused(t('A file has the name of a folder.'), t('Rename one of them.'), cause);
  }
}

/**
 * @param {Item[]} items
 * @param {{emptyFolders: number, litter: number}} left
 */
function remarksOf(items, { emptyFolders, litter }) {
  const remarks = [];
  if (emptyFolders > 0) {
    remarks.push(
      many(emptyFolders, 'An empty folder is left out.', '{count} empty folders are left out.'),
    );
  }
  if (litter > 0) {
    remarks.push(t('Left out: {litter} of the system’s own files, such as .DS_Store.', { litter }));
  }
  const alike = repeated(items.map(({ path }) => path.toLowerCase()));
  if (alike.length > 0) {
    remarks.push(
      t('On Windows and macOS these are one file, so a buyer there gets one of each: {names}.', {
        names: shown(alike),
      }),
    );
  }
  return remarks;
}

/**
 * @param {string[]} names
 * @returns {string[]} those that stand there more than once
 */
function repeated(names) {
  const known = new Set();
  const twice = new Set();
  for (const name of names) (known.has(name) ? twice : known).add(name);
  return [...twice];
}

/** @param {string[]} names */
function shown(names) {
  const more = names.length - NAMED;
  const list = names
    .slice(0, NAMED)
    .map((name) => t('“{name}”', { name: `\u2068${name}\u2069` }))
    .join(', ');
  return more > 0 ? t('{names} and {more} more', { names: list, more }) : list;
}

/**
 * @param {string} message
 * @param {string} hint
 * @param {unknown} [cause]
 */
function refused(message, hint, cause) {
  return new KimError('bad_selection', hint, message, { cause });
}
