/**
 * Uploads on their way, so that a closed tab, a crash or a dead battery costs at most the parts
 * that were in flight. One record per acknowledged part; nothing secret: M, S and L follow from R
 * and the file id. The same database as io/store.js.
 * @module
 */
import { withDatabase } from './store.js';

/** @import { Bytes } from '../crypto/bytes.js' */

/**
 * @typedef {object} Listed  a file as it was dropped
 * @property {string} path
 * @property {number} size
 * @property {string} type
 * @property {number} lastModified
 *
 * @typedef {object} UploadRow  written once, when the upload begins
 * @property {string} uploadId
 * @property {string} username
 * @property {string} fileId      hex
 * @property {number} generation
 * @property {Bytes} core         with floe_iv and header tag: the upload goes on under the same
 * @property {Bytes} head         the first header.headerSize bytes
 * @property {string} wrapped     W, base64url
 * @property {number} partSize
 * @property {string} name        of the file or the folder
 * @property {number} sizeBytes   of the payload
 * @property {boolean} isBundle
 * @property {boolean} isFolder   chosen as a folder, so to be chosen as one again
 * @property {Listed[]} files     in payload order
 * @property {any[]} handles      FileSystemHandles, where the browser gives any
 * @property {string} startedAt   ISO 8601
 * @property {import('./store.js').Replaces} [replaces]  what it is to take the place of
 *
 * @typedef {object} PartRow  a part that the store has acknowledged
 * @property {string} uploadId
 * @property {number} number
 * @property {number} size
 * @property {Bytes} rows         64 bytes a segment, as they stand in the index
 * @property {string | null} etag
 *
 * @typedef {object} MarkRow  the fingerprint of one file
 * @property {string} uploadId
 * @property {number} at          in UploadRow.files
 * @property {string} sample      hex; SHA-256 of its first, middle and last MiB
 * @property {string | null} sha256  hex, of the whole file; known for members of a bundle
 *
 * @typedef {object} Form  what was typed beside the upload
 * @property {string} uploadId
 * @property {Record<string, string>} values  by the field's id
 */

/** @param {UploadRow} row */
export function keepUpload(row) {
  return withDatabase((db) => db.put('uploads', row));
}

/**
 * @param {string} username
 * @returns {Promise<Array<UploadRow & {doneBytes: number}>>} newest first
 */
export function uploads(username) {
  return withDatabase(async (db) => {
    /** @type {UploadRow[]} */
    const rows = (await db.getAll('uploads')).filter((row) => row.username === username);
    const counted = rows.map(async (row) => {
      const count = await db.count('parts', all(row.uploadId));
      return { ...row, doneBytes: Math.min(row.sizeBytes, count * row.partSize) };
    });
    const found = await Promise.all(counted);
    return found.sort((one, other) => (one.startedAt < other.startedAt ? 1 : -1));
  });
}

/** @param {PartRow[]} rows */
export function keepParts(rows) {
  return putAll('parts', rows);
}

/**
 * @param {string} uploadId
 * @returns {Promise<PartRow[]>}
 */
export function parts(uploadId) {
  return withDatabase((db) => db.getAll('parts', all(uploadId)));
}

/**
 * Before a part is sealed again, its old rows must be gone: whatever happens then, no part is ever
 * believed to hold what it no longer does.
 * @param {string} uploadId
 * @param {number[]} numbers
 */
export function dropParts(uploadId, numbers) {
  return withDatabase(async (db) => {
    const change = db.transaction('parts', 'readwrite');
    for (const number of numbers) void change.store.delete([uploadId, number]);
    await change.done;
  });
}

/** @param {MarkRow[]} rows */
export function keepMarks(rows) {
  return putAll('marks', rows);
}

/**
 * @param {string} uploadId
 * @returns {Promise<MarkRow[]>}
 */
export function marks(uploadId) {
  return withDatabase((db) => db.getAll('marks', all(uploadId)));
}

/** @param {Form} typed */
export function keepForm(typed) {
  return withDatabase((db) => db.put('forms', typed));
}

/**
 * @param {string} uploadId
 * @returns {Promise<Form | undefined>}
 */
export function form(uploadId) {
  return withDatabase((db) => db.get('forms', uploadId));
}

/** @param {string} uploadId */
export function dropForm(uploadId) {
  return withDatabase((db) => db.delete('forms', uploadId));
}

/**
 * Everything but the form, which belongs to the page that will be made of it.
 * @param {string} uploadId
 */
export function dropUpload(uploadId) {
  return withDatabase(async (db) => {
    const change = db.transaction(['uploads', 'parts', 'marks'], 'readwrite');
    void change.objectStore('uploads').delete(uploadId);
    void change.objectStore('parts').delete(all(uploadId));
    void change.objectStore('marks').delete(all(uploadId));
    await change.done;
  });
}

/**
 * Writes records as they come, all that gathered meanwhile in one go. A browser that cannot write
 * (quota, a private window) does not stop the upload; it only cannot be taken up again.
 * @template T
 */
export class Keeper {
  /** @type {T[]} */
  #queue = [];
  /** @type {Promise<void> | null} */
  #running = null;
  #write;
  isBroken = false;

  /** @param {(rows: T[]) => Promise<unknown>} write */
  constructor(write) {
    this.#write = write;
  }

  /** @param {T} row */
  note(row) {
    this.#queue.push(row);
    this.#running ??= this.#run();
  }

  /** Once everything noted so far is written. */
  async flushed() {
    await this.#running;
  }

  async #run() {
    while (this.#queue.length > 0) {
      try {
        await this.#write(this.#queue.splice(0));
      } catch {
        this.isBroken = true;
      }
    }
    this.#running = null;
  }
}

/**
 * @param {'parts' | 'marks'} store
 * @param {object[]} rows
 */
function putAll(store, rows) {
  return withDatabase(async (db) => {
    const change = db.transaction(store, 'readwrite');
    for (const row of rows) void change.store.put(row);
    await change.done;
  });
}

/** @param {string} uploadId */
function all(uploadId) {
  return IDBKeyRange.bound([uploadId], [uploadId, []]);
}
