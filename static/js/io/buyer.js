/**
 * What this browser remembers for a buyer: the root B with the number of the next purchase, and the
 * purchases made here. IndexedDB; where that is refused, this page's memory, and then the return
 * link is the only way back.
 * @module
 */
import { openDB } from '../../vendor/idb@8.0.4/index.js';
import { isEqual } from '../crypto/bytes.js';
import { newRoot, purchaseSeed } from '../crypto/keys.js';

/** @import { Bytes } from '../crypto/bytes.js' */

const NAME = 'kim-buyer';
const VERSION = 2;
const ROOT = 'root';

/**
 * @typedef {object} Bought
 * @property {string} purchaseId
 * @property {string} paidFileId
 * @property {number} n  -1 where it came by its return link
 * @property {Bytes} link   L
 * @property {Bytes} seed   seed_n
 * @property {{body: string, signature: string} | null} ticket  the server's signed promise
 * @property {number} boughtAt  milliseconds
 * @property {boolean} [isProof]  the creator's own, at the floor
 * @property {import('../net/library.js').Held} [seen]  how it stood when it was last looked up
 *
 * @typedef {{root: Bytes, next: number, isKept?: boolean}} Root  `isKept`: its words or its key file
 *   were taken along, as far as the person said
 *
 * @typedef {{purchaseId: string, text: string, name: string, addedAt: number}} LicenceRow
 */

/** @type {Root | null}  where nothing can be kept */
let onlyHere = null;

/** @returns {Promise<import('../../vendor/idb@8.0.4/entry.js').IDBPDatabase<any>>} */
function database() {
  return openDB(NAME, VERSION, {
    upgrade(db, from) {
      if (from < 1) {
        db.createObjectStore('roots');
        const purchases = db.createObjectStore('purchases', { keyPath: 'purchaseId' });
        purchases.createIndex('paidFileId', 'paidFileId');
      }
      if (from < 2) db.createObjectStore('licences', { keyPath: 'purchaseId' });
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
 * How purchases stood when they were looked up, for a page without a network. What was forgotten
 * meanwhile stays forgotten.
 * @param {import('../net/library.js').Held[]} seen
 */
export async function keepSeen(seen) {
  try {
    await withDatabase(async (db) => {
      const change = db.transaction('purchases', 'readwrite');
      for (const each of seen) {
        const known = await change.store.get(each.id);
        if (known) await change.store.put({ ...known, seen: each });
      }
      await change.done;
    });
  } catch {
    // It is asked for again at the next visit.
  }
}

/**
 * Purchases found elsewhere; what is known here already stays as it is.
 * @param {Bought[]} rows
 * @returns {Promise<number>} how many are new
 */
export async function addPurchases(rows) {
  return withDatabase(async (db) => {
    const change = db.transaction('purchases', 'readwrite');
    let count = 0;
    for (const row of rows) {
      const known = await change.store.get(row.purchaseId);
      if (!known) count += 1;
      // What came by a link before has a number now, so the words are known to cover it.
      await change.store.put(known ? { ...known, n: Math.max(known.n, row.n) } : row);
    }
    await change.done;
    return count;
  });
}

/** @param {string} purchaseId */
export function forget(purchaseId) {
  return withDatabase((db) => db.delete('purchases', purchaseId));
}

/**
 * @returns {Promise<{current: Root | null, former: Root[]}>} B as new purchases use it, and others
 *   that this browser bought with before
 */
export async function roots() {
  try {
    return await withDatabase(async (db) => {
      const keys = await db.getAllKeys('roots');
      /** @type {Root[]} */
      const rows = await db.getAll('roots');
      const at = keys.indexOf(ROOT);
      return { current: rows[at] ?? null, former: rows.filter((_, other) => other !== at) };
    });
  } catch {
    return { current: onlyHere, former: [] };
  }
}

/**
 * A root from words: new purchases here count on from it. One that bought here before stays known.
 * @param {Bytes} root  B
 * @param {number} next  a number beyond all that are taken
 */
export function adoptRoot(root, next) {
  return withDatabase(async (db) => {
    const change = db.transaction('roots', 'readwrite');
    /** @type {Root | undefined} */
    const known = await change.store.get(ROOT);
    const isSame = known !== undefined && isEqual(known.root, root);
    if (known && !isSame && known.next > 0) await change.store.put(known, `former ${Date.now()}`);
    const least = isSame ? Math.max(known.next, next) : next;
    await change.store.put({ root, next: least, isKept: true }, ROOT);
    await change.done;
  });
}

/** The person took words or key file along: nobody needs to be reminded. */
export function markKept() {
  return withDatabase(async (db) => {
    const change = db.transaction('roots', 'readwrite');
    for (const key of await change.store.getAllKeys()) {
      await change.store.put({ ...(await change.store.get(key)), isKept: true }, key);
    }
    await change.done;
  });
}

/** @param {LicenceRow} row */
export function keepLicence(row) {
  return withDatabase((db) => db.put('licences', row));
}

/** @returns {Promise<LicenceRow[]>} */
export async function licences() {
  try {
    return await withDatabase((db) => db.getAll('licences'));
  } catch {
    return [];
  }
}

/** @param {string} purchaseId */
export function forgetLicence(purchaseId) {
  return withDatabase((db) => db.delete('licences', purchaseId));
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
