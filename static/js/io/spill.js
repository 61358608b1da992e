/**
 * The sink for browsers without a private file system and without a service worker (Firefox's
 * private windows, some embedded ones): pieces are kept as Blobs in IndexedDB, which lie on the disk
 * and not in memory, and become one Blob at the end.
 * @module
 */
import { openDB } from '../../vendor/idb@8.0.4/index.js';
import { CannotSave, guarded, handOver } from './sinks.js';

/** @import { Sink } from './sinks.js' */

const NAME = 'kim-spill';
const VERSION = 1;
const PIECE_BYTES = 4 * 2 ** 20;
const PROBE_BYTES = 1_000;
const STALE_MS = 30 * 60_000;
const BINARY = { type: 'application/octet-stream' };

/**
 * @typedef {{id: string, madeAt: number}} File  a row of `files`; madeAt: when it was last added to
 * @typedef {import('../../vendor/idb@8.0.4/entry.js').IDBPDatabase<any>} Database
 */

/** @returns {Promise<Database>} `pieces` are kept under [id, number] */
function database() {
  return openDB(NAME, VERSION, {
    upgrade(db) {
      db.createObjectStore('files', { keyPath: 'id' });
      db.createObjectStore('pieces');
    },
  });
}

/** @returns {Promise<number>} bytes that can be kept; 0 where Blobs do not come back from it */
export async function spillRoom() {
  const id = crypto.randomUUID();
  /** @type {Database | null} */
  let db = null;
  try {
    db = await database();
    await db.put('pieces', new Blob([new Uint8Array(PROBE_BYTES).fill(7)]), [id, 0]);
    const back = await db.get('pieces', [id, 0]);
    const bytes = new Uint8Array(await back.arrayBuffer());
    if (bytes.length !== PROBE_BYTES || bytes[PROBE_BYTES - 1] !== 7) return 0;
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    return Math.max(0, quota - usage);
  } catch {
    return 0;
  } finally {
    await db?.delete('pieces', [id, 0]).catch(() => undefined);
    db?.close();
  }
}

/**
 * @returns {Promise<Sink>}
 * @throws {CannotSave}
 */
export async function spillSink() {
  const id = crypto.randomUUID();
  /** @type {Database} */
  let db;
  try {
    db = await database();
    await db.put('files', { id, madeAt: Date.now() });
  } catch (error) {
    throw new CannotSave('This browser does not let the page keep files.', error);
  }
  /** @type {Blob[]} */
  let waiting = [];
  let waitingBytes = 0;
  let count = 0;
  const keep = () =>
    guarded(async () => {
      if (waiting.length === 0) return;
      const change = db.transaction(['files', 'pieces'], 'readwrite');
      await Promise.all([
        change.objectStore('pieces').put(new Blob(waiting, BINARY), [id, count]),
        // Still at work: not to be swept by another tab.
        change.objectStore('files').put({ id, madeAt: Date.now() }),
        change.done,
      ]);
      count += 1;
      [waiting, waitingBytes] = [[], 0];
    });
  return {
    async write({ buffer, offset, size }) {
      waiting.push(new Blob([new Uint8Array(buffer, offset, size)]));
      waitingBytes += size;
      if (waitingBytes >= PIECE_BYTES) await keep();
      return buffer;
    },
    async finish(name) {
      await keep();
      const pieces = await guarded(() => db.getAll('pieces', piecesOf(id)));
      if (pieces.length !== count) throw new CannotSave('The browser lost a part of the file.');
      // The browser copies from the rows: they are swept once it has had the time.
      await db.put('files', { id, madeAt: Date.now() }).catch(() => undefined);
      db.close();
      handOver(new Blob(pieces, BINARY), name);
    },
    async discard() {
      waiting = [];
      await remove(db, id).catch(() => undefined);
      db.close();
    },
  };
}

/** What was handed over earlier, and what a tab that is gone left half done. */
export async function sweepSpill() {
  try {
    const db = await database();
    try {
      /** @type {File[]} */
      const files = await db.getAll('files');
      for (const { id, madeAt } of files) {
        if (Date.now() - madeAt > STALE_MS) await remove(db, id);
      }
    } finally {
      db.close();
    }
  } catch {
    // No IndexedDB here: nothing to sweep.
  }
}

/**
 * @param {Database} db
 * @param {string} id
 */
async function remove(db, id) {
  const change = db.transaction(['files', 'pieces'], 'readwrite');
  await Promise.all([
    change.objectStore('pieces').delete(piecesOf(id)),
    change.objectStore('files').delete(id),
    change.done,
  ]);
}

/** @param {string} id */
function piecesOf(id) {
  return IDBKeyRange.bound([id, 0], [id, Infinity]);
}
