/**
 * Whether this browser can do what a buyer's page needs, found out by doing it: no browser is judged
 * by its name. Asked before anything can be paid.
 * @module
 */
import { fromUtf8, random, utf8 } from '../crypto/bytes.js';
import { openSmall, sealSmall } from '../crypto/keys.js';

const WORKER_MS = 10_000;

/** This page cannot work here; `hint` says what the person can do. */
export class CannotWork extends Error {
  /** @param {string} message @param {unknown} [cause] */
  constructor(message, cause) {
    super(message, { cause });
    this.name = 'CannotWork';
    this.code = 'browser_unfit';
    this.hint =
      'Open this link in your own browser (Firefox, Chrome, Edge or Safari), not inside another app.';
  }
}

/**
 * @param {() => Worker} spawn  of worker/open.js
 * @param {() => Promise<unknown>} [tryKeys]  makes a buyer's keys, where the page has what that needs
 * @throws {CannotWork}
 */
export async function probe(spawn, tryKeys = tryCurve) {
  if (!globalThis.isSecureContext) {
    throw new CannotWork(
      'This page was opened over an unprotected connection, so the browser switched encryption off.',
    );
  }
  if (!('any' in AbortSignal)) {
    throw new CannotWork('This browser is too old for this page.');
  }
  if (!globalThis.crypto?.subtle) {
    throw new CannotWork('This browser has no encryption of its own (WebCrypto).');
  }
  await Promise.all([tryCrypto(tryKeys), tryWorker(spawn)]);
}

/** @param {() => Promise<unknown>} tryKeys */
export async function tryCrypto(tryKeys) {
  try {
    const plain = utf8('kim');
    const key = random(32);
    const opened = await openSmall(key, plain, await sealSmall(key, plain, plain));
    if (!opened || fromUtf8(opened) !== 'kim') throw new Error('AES-GCM gives other bytes back');
    await tryKeys();
  } catch (cause) {
    throw new CannotWork('The encryption built into this browser does not work.', cause);
  }
}

/** Keys of buyers lie on this curve. */
async function tryCurve() {
  const curve = { name: 'ECDH', namedCurve: 'P-256' };
  const pair = await crypto.subtle.generateKey(curve, false, ['deriveBits']);
  const asked = { name: 'ECDH', public: pair.publicKey };
  await crypto.subtle.deriveBits(asked, pair.privateKey, 256);
}

/** @param {() => Worker} spawn */
async function tryWorker(spawn) {
  /** @type {Worker | undefined} */
  let worker;
  try {
    const found = spawn();
    worker = found;
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('no answer')), WORKER_MS);
      found.onerror = () => reject(new Error('it did not start'));
      // A message it does not know is answered by `failed`: enough to know that it lives.
      found.onmessage = resolve;
      found.postMessage({ type: 'probe' });
    });
  } catch (cause) {
    throw new CannotWork('This browser does not let the page work in the background.', cause);
  } finally {
    worker?.terminate();
  }
}
