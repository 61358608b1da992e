/**
 * Files that were half saved when the page went: remembered in IndexedDB, so that a return link
 * goes on with them instead of starting over. The record holds no key and no bytes; the bytes lie
 * in the private file system, whole authenticated segments from the start on.
 * @module
 */
import { openDB } from '../../vendor/idb@8.0.4/index.js';
import { KimError } from '../crypto/errors.js';
import { newFile, removeFile, sizeOf, sweepDisk } from './disk.js';
import { Cancelled, CannotSave } from './sinks.js';
import { sweepSpill } from './spill.js';

/** @import { Going } from './disk.js' */

const NAME = 'kim-saving';
const VERSION = 1;
const KEPT_MS = 7 * 24 * 60 * 60_000;

/**
 * @typedef {object} Half
 * @property {string} purchaseId
 * @property {string} contentId  hex
 * @property {string} name
 * @property {number} size       bytes of the whole payload
 * @property {number} segments   how many are there, from the first on
 * @property {string} file       in the private file system
 * @property {number} at         when it was last added to, in milliseconds
 *
 * @typedef {Pick<Half, 'purchaseId' | 'contentId' | 'name' | 'size'>} Wanted
 */

/**
 * @template T
 * @param {(db: import('../../vendor/idb@8.0.4/entry.js').IDBPDatabase<any>) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withDatabase(work) {
  const db = await openDB(NAME, VERSION, {
    upgrade(fresh) {
      fresh.createObjectStore('halves', { keyPath: 'purchaseId' });
    },
  });
  try {
    return await work(db);
  } finally {
    db.close();
  }
}

/**
 * @param {Wanted} wanted
 * @param {number} plainSize  bytes of a whole segment
 * @returns {Promise<{half: Half, bytes: number} | null>} what of it is there; a half of other bytes,
 *   or one that lost bytes, is dropped
 */
export async function find({ purchaseId, contentId, size }, plainSize) {
  try {
    /** @type {Half | undefined} */
    const half = await withDatabase((db) => db.get('halves', purchaseId));
    if (!half) return null;
    const bytes = Math.min(size, half.segments * plainSize);
    const isSame = half.contentId === contentId && half.size === size;
    const isThere = Date.now() - half.at < KEPT_MS && (await sizeOf(half.file)) >= bytes;
    if (isSame && isThere && bytes > 0) return { half, bytes };
    await drop(half);
    return null;
  } catch {
    return null;
  }
}

/**
 * @param {Half} half
 * @returns {Promise<void>} once neither the record nor the bytes are there
 */
export async function drop({ purchaseId, file }) {
  await withDatabase((db) => db.delete('halves', purchaseId));
  await removeFile(file);
}

/**
 * @param {Wanted} wanted
 * @param {{plainSize: number, known: {half: Half, bytes: number} | null}} facts  known: what `find` found
 * @returns {Going}
 */
export function goingOn(wanted, { plainSize, known }) {
  const file = known?.half.file ?? newFile();
  return {
    file,
    from: known?.bytes ?? 0,
    note: (bytes) => {
      const isWhole = bytes >= wanted.size;
      const segments = isWhole ? Math.ceil(bytes / plainSize) : Math.floor(bytes / plainSize);
      /** @type {Half} */
      const half = { ...wanted, segments, file, at: Date.now() };
      // Where nothing can be remembered a reload starts over; the saving goes on.
      return withDatabase((db) => db.put('halves', half)).then(nothing, nothing);
    },
    isWorthKeeping: (reason) =>
      !(reason instanceof KimError || reason instanceof Cancelled || reason instanceof CannotSave),
    forget: () =>
      withDatabase((db) => db.delete('halves', wanted.purchaseId)).then(nothing, nothing),
  };
}

/** Files of earlier visits: handed over, given up, or older than a week. */
export async function sweep() {
  await sweepSpill();
  /** @type {Half[]} */
  let halves = [];
  try {
    halves = await withDatabase((db) => db.getAll('halves'));
  } catch {
    // Nothing is remembered here.
  }
  const isKept = (/** @type {Half} */ { at }) => Date.now() - at < KEPT_MS;
  for (const half of halves.filter((one) => !isKept(one))) await drop(half).catch(nothing);
  await sweepDisk(new Set(halves.filter(isKept).map(({ file }) => file)));
}

function nothing() {}
