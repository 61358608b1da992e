/**
 * What this browser remembers for a creator: the root R (and whether it was saved elsewhere), and
 * the files that are uploaded but not published yet. IndexedDB. Uploads that are still under way
 * stand in the same database (io/unfinished.js).
 * @module
 */
import { openDB } from '../../vendor/idb@8.0.4/index.js';

/** @import { Bytes } from '../crypto/bytes.js' */

const NAME = 'kim-creator';
const VERSION = 2;

/**
 * @typedef {object} Root
 * @property {string} username
 * @property {Bytes} root      R; never leaves this machine but in the file the creator saves
 * @property {boolean} isSaved  the creator said that the file or the words are kept
 * @property {boolean} isDownloaded  the key file was downloaded here at least once
 * @property {boolean} [isUnused]  made with the account; nothing was sealed with it here yet
 * @property {'same' | 'other'} [vault]  whether the vault holds this key or another one; missing: it
 *   holds none, as far as this browser knows
 *
 * @typedef {object} Draft
 * @property {string} username
 * @property {string} uploadId
 * @property {string} fileId      hex
 * @property {Bytes} core
 * @property {string} contentId   hex
 * @property {string} wrapped     W, base64url
 * @property {string} name
 * @property {number} sizeBytes   of the payload
 * @property {string | null} paidFileId  once the server has a draft of the page
 * @property {Replaces} [replaces]
 *
 * @typedef {object} Replaces  an upload that is to take the place of what a file sells
 * @property {string} paidFileId
 * @property {string} linkFileId     hex, of the file's first content
 * @property {number} generation     of S
 * @property {number} linkGeneration of L
 * @property {Bytes} [metaLink]      its description, sealed under that L
 */

/** @returns {Promise<import('../../vendor/idb@8.0.4/entry.js').IDBPDatabase<any>>} */
function database() {
  return openDB(NAME, VERSION, {
    upgrade(db, from) {
      if (from < 1) {
        db.createObjectStore('roots', { keyPath: 'username' });
        db.createObjectStore('drafts', { keyPath: 'uploadId' });
      }
      if (from < 2) {
        db.createObjectStore('uploads', { keyPath: 'uploadId' });
        db.createObjectStore('parts', { keyPath: ['uploadId', 'number'] });
        db.createObjectStore('marks', { keyPath: ['uploadId', 'at'] });
        db.createObjectStore('forms', { keyPath: 'uploadId' });
      }
    },
  });
}

/**
 * @template T
 * @param {(db: Awaited<ReturnType<typeof database>>) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withDatabase(work) {
  const db = await database();
  try {
    return await work(db);
  } finally {
    db.close();
  }
}

/**
 * @param {string} username
 * @returns {Promise<Root | undefined>}
 */
export function root(username) {
  return withDatabase((db) => db.get('roots', username));
}

/** @param {Root} row */
export async function keepRoot(row) {
  await withDatabase((db) => db.put('roots', row));
  askToKeep();
}

/**
 * Two tabs may start at the same moment: only the first root stays.
 * @param {Root} row
 * @returns {Promise<Root>} the one that is kept
 */
export async function keepFirstRoot(row) {
  const kept = await withDatabase(async (db) => {
    const change = db.transaction('roots', 'readwrite');
    const known = await change.store.get(row.username);
    if (!known) await change.store.put(row);
    await change.done;
    return known ?? row;
  });
  askToKeep();
  return kept;
}

/**
 * Asks the browser not to sweep it away; a refusal changes nothing, the reminder is the answer.
 * Not waited for: Firefox asks the person, who may never answer.
 */
function askToKeep() {
  void navigator.storage?.persist?.().catch(() => undefined);
}

/**
 * @param {string} username
 * @param {Partial<Omit<Root, 'username' | 'root'>>} facts
 */
export function markRoot(username, facts) {
  return withDatabase(async (db) => {
    const change = db.transaction('roots', 'readwrite');
    const known = await change.store.get(username);
    if (known) await change.store.put({ ...known, ...facts });
    await change.done;
  });
}

/**
 * @param {string} username
 * @returns {Promise<Draft[]>}
 */
export async function drafts(username) {
  /** @type {Draft[]} */
  const all = await withDatabase((db) => db.getAll('drafts'));
  return all.filter((draft) => draft.username === username);
}

/** @param {Draft} row */
export function keepDraft(row) {
  return withDatabase((db) => db.put('drafts', row));
}

/** @param {string} uploadId */
export function dropDraft(uploadId) {
  return withDatabase((db) => db.delete('drafts', uploadId));
}
