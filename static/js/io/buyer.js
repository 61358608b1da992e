/**
 * What this browser remembers for a buyer: the root B with the number of the next purchase, and the
 * purchases made here. IndexedDB; where that is refused, this page's memory, and then the return
 * link is the only way back.
 * @module
 */
import { openDB } from '../../vendor/idb@8.0.4/index.js';
import { newRoot, purchaseSeed } from '../crypto/keys.js';

/** @import { Bytes } from '../crypto/bytes.js' */

const NAME = 'kim-buyer';
const VERSION = 1;
const ROOT = 'root';

/**
 * @typedef {object} Bought
 * @property {string} purchaseId
 * @property {string} paidFileId
 * @property {number} n
 * @property {Bytes} link   L
 * @property {Bytes} seed   seed_n
 * @property {{body: string, signature: string} | null} ticket  the server's signed promise
 * @property {number} boughtAt  milliseconds
 * @property {boolean} [isProof]  the creator's own, at the floor
 *
 * @typedef {{root: Bytes, next: number}} Root
 */

/** @type {Root | null}  where nothing can be kept */
let onlyHere = null;

/** @returns {Promise<import('../../vendor/idb@8.0.4/entry.js').IDBPDatabase<any>>} */
function database() {
  return openDB(NAME, VERSION, {
    upgrade(db) {
      db.createObjectStore('roots');
      const purchases = db.createObjectStore('purchases', { keyPath: 'purchaseId' });
      purchases.createIndex('paidFileId', 'paidFileId');
    },
  });
}

/**
 * @template T
 * @param {(db: Awaited<ReturnType<typeof database>>) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withDatabase(work) {
  const db = await database();
  try {
    return await work(db);
  } finally {
    db.close();
  }
}

/** @returns {Promise<boolean>} whether anything is remembered here; found out by doing */
export async function isKept() {
  try {
    await withDatabase((db) => db.get('roots', ROOT));
    return true;
  } catch {
    return false;
  }
}

/**
 * The next purchase's number and seed. A number is never given twice, in whatever tab.
 * @returns {Promise<{n: number, seed: Bytes, isKept: boolean}>}
 */
export async function nextSeed() {
  try {
    const { root, next } = await withDatabase(takeNumber);
    return { n: next, seed: purchaseSeed(root, next), isKept: true };
  } catch {
    onlyHere ??= { root: newRoot(), next: 0 };
    const n = onlyHere.next;
    onlyHere.next += 1;
    return { n, seed: purchaseSeed(onlyHere.root, n), isKept: false };
  }
}

/**
 * @param {Awaited<ReturnType<typeof database>>} db
 * @returns {Promise<Root>}
 */
async function takeNumber(db) {
  const fresh = { root: newRoot(), next: 0 };
  const change = db.transaction('roots', 'readwrite');
  /** @type {Root} */
  const known = (await change.store.get(ROOT)) ?? fresh;
  await change.store.put({ ...known, next: known.next + 1 }, ROOT);
  await change.done;
  return known;
}

/**
 * @param {Bought} row
 * @returns {Promise<boolean>} whether it is kept
 */
export async function keepPurchase(row) {
  try {
    await withDatabase((db) => db.put('purchases', row));
    // Asked once there is something to lose; a refusal changes nothing, the link is the answer. Not
    // waited for: Firefox asks the person, who may never answer, and the invoice would never come.
    void navigator.storage?.persist?.().catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

/**
 * The newest promise of the server takes the place of the one before, in a purchase made here.
 * @param {string} purchaseId
 * @param {Bought['ticket']} ticket
 */
export async function keepTicket(purchaseId, ticket) {
  if (!ticket) return;
  try {
    await withDatabase(async (db) => {
      const change = db.transaction('purchases', 'readwrite');
      /** @type {Bought | undefined} */
      const known = await change.store.get(purchaseId);
      if (known && known.ticket?.body !== ticket.body) await change.store.put({ ...known, ticket });
      await change.done;
    });
  } catch {
    // Nothing is kept here; the return link is the way back.
  }
}

/**
 * @param {string} purchaseId
 * @returns {Promise<Bought | undefined>}
 */
export async function purchase(purchaseId) {
  try {
    return await withDatabase((db) => db.get('purchases', purchaseId));
  } catch {
    return undefined;
  }
}

/** @returns {Promise<Bought[]>} all that were made in this browser, newest first */
export async function everyPurchase() {
  try {
    /** @type {Bought[]} */
    const rows = await withDatabase((db) => db.getAll('purchases'));
    return rows.sort((one, other) => other.boughtAt - one.boughtAt);
  } catch {
    return [];
  }
}

/**
 * @param {string} paidFileId
 * @returns {Promise<Bought | undefined>} the last one
 */
export async function lastPurchaseOf(paidFileId) {
  return (await purchasesOf(paidFileId)).at(-1);
}

/**
 * @param {string} paidFileId
 * @returns {Promise<Bought | undefined>} the last one that its creator made here
 */
export async function lastProofOf(paidFileId) {
  return (await purchasesOf(paidFileId)).filter((row) => row.isProof).at(-1);
}

/**
 * @param {string} paidFileId
 * @returns {Promise<Bought[]>} oldest first
 */
async function purchasesOf(paidFileId) {
  try {
    /** @type {Bought[]} */
    const rows = await withDatabase((db) =>
      db.getAllFromIndex('purchases', 'paidFileId', paidFileId),
    );
    return rows.sort((one, other) => one.boughtAt - other.boughtAt);
  } catch {
    return [];
  }
}
