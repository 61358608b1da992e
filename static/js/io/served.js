/**
 * The page's side of the service worker (worker/service.js): what this page owns can be downloaded
 * at /x/d/ and played at /x/v/ under random tokens, for as long as the page lives. The page counts
 * the bytes; what the browser shows is not believed.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { downloadHeaders, ranged, SAFE } from './answers.js';
import { Incomplete, Outgoing } from './outgoing.js';
import { CannotSave } from './sinks.js';

/**
 * @import { Sink } from './sinks.js'
 * @import { Reader } from './windows.js'
 *
 * @typedef {() => Promise<ServiceWorkerRegistration>} Register  of worker/service.js
 * @typedef {{range: string | null, instance: string, port: MessagePort}} Asked
 */

const SCOPE = '/x/';
const ACTIVE_MS = 10_000;
const ASKED_MS = 15_000;
const PROBE_MS = 5_000;
/** Firefox ends a worker after 30 s without events, even while it streams. */
const PING_MS = 8_000;
const PONG_MS = 6_000;
/** A browser that was given an iframe for a download may still be reading its address. */
const FRAME_MS = 60_000;

/** @type {Map<string, (asked: Asked) => void>} what this page owns, by token */
const owned = new Map();
let isListening = false;
/** @type {Promise<boolean> | null} */
let proof = null;

/**
 * Registers the worker and passes a few bytes through it, once a page. Refused registrations
 * (private windows, cookies switched off, old browsers) are an expected answer.
 * @param {Register} register
 * @returns {Promise<boolean>}
 */
export function canServe(register) {
  proof ??= prove(register).catch(() => false);
  return proof;
}

/**
 * A download of the browser's own, fed from here. Must follow `canServe`.
 * @param {string} name
 * @param {number} sizeBytes  exactly what will be written
 * @param {Register} register
 * @returns {Promise<Sink>}
 * @throws {CannotSave}
 */
export async function serviceSink(name, sizeBytes, register) {
  const worker = await activeWorker(register).catch((error) => {
    throw new CannotSave('This browser does not let the page feed a download.', error);
  });
  const { asked, remove } = await navigated(ASKED_MS).catch((error) => {
    throw new CannotSave('The browser did not start the download.', error);
  });
  asked.port.postMessage({ status: 200, headers: downloadHeaders(name, sizeBytes) });
  const outgoing = new Outgoing(asked.port);
  const heart = new Heart(worker, asked.instance, () =>
    outgoing.fail(new Incomplete('The browser cut the download short.')),
  );
  let given = 0;
  return {
    async write(piece) {
      const { byteLength } = piece.buffer;
      await outgoing.give(piece);
      given += piece.size;
      return new ArrayBuffer(byteLength);
    },
    async finish() {
      try {
        if (given !== sizeBytes) throw new Incomplete(`${given} of ${sizeBytes} bytes were given.`);
        await outgoing.end();
      } finally {
        heart.stop();
        remove();
      }
    },
    async discard() {
      outgoing.fail(new Incomplete('The download was given up.'));
      heart.stop();
      remove();
    },
  };
}

/**
 * Something to be played at the address that comes back, by ranges, as often as the browser asks.
 * @param {{type: string, sizeBytes: number, open: (from: number, to: number) => Reader,
 *   onFailure: (error: unknown) => void, register: Register}} media  `open` reads from..to
 *   (inclusive); `onFailure` hears what could not be read, not what the browser cancelled
 * @returns {{token: string, close: () => void}}
 */
export function serveMedia({ type, sizeBytes, open, onFailure, register }) {
  const token = newToken();
  /** @type {Set<Outgoing>} */
  const running = new Set();
  const pinging = setInterval(() => {
    activeWorker(register)
      .then(ping)
      .catch(() => undefined); // the browser asks anew, and a new worker starts for it
  }, PING_MS);
  owned.set(token, ({ range, port }) => {
    const { status, headers, from, to } = ranged(range, sizeBytes);
    port.postMessage({ status, headers: { ...headers, ...SAFE, 'Content-Type': type } });
    const reader = from > to ? NOTHING : open(from, to);
    const outgoing = new Outgoing(port, () => reader.cancel());
    running.add(outgoing);
    void pass(reader, outgoing, onFailure).finally(() => running.delete(outgoing));
  });
  listen();
  return {
    token,
    close() {
      clearInterval(pinging);
      owned.delete(token);
      for (const one of running) one.fail(new Incomplete('The player was closed.'));
    },
  };
}

/** @type {Reader} */
const NOTHING = { next: async () => null, cancel: () => undefined };

/** Keeps the worker alive while it streams, and notices when it was ended all the same. */
class Heart {
  #timer;

  /**
   * @param {ServiceWorker} worker
   * @param {string} instance  of the worker that streams
   * @param {() => void} onCut
   */
  constructor(worker, instance, onCut) {
    this.#timer = setInterval(async () => {
      const answered = await ping(worker).catch(() => '');
      // No answer may be a busy moment; another's name is certain.
      if (answered && answered !== instance) onCut();
    }, PING_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }
}

/**
 * @param {ServiceWorker} worker
 * @returns {Promise<string>} its instance
 */
function ping(worker) {
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  worker.postMessage('ping', [port2]);
  return within(answer, PONG_MS);
}

/** @param {Register} register */
async function prove(register) {
  if (!('serviceWorker' in navigator)) return false;
  await activeWorker(register);
  const { asked, remove } = await navigated(PROBE_MS);
  try {
    // A byte that no browser takes for a file to be saved.
    const headers = { ...SAFE, 'Content-Type': 'text/plain; charset=utf-8' };
    asked.port.postMessage({ status: 200, headers });
    const outgoing = new Outgoing(asked.port);
    const passing = async () => {
      await outgoing.give({ buffer: Uint8Array.of(0x20).buffer, offset: 0, size: 1 });
      await outgoing.end();
    };
    await within(passing(), PROBE_MS);
    return true;
  } finally {
    remove();
  }
}

/**
 * @param {Reader} reader
 * @param {Outgoing} outgoing
 * @param {(error: unknown) => void} onFailure
 */
async function pass(reader, outgoing, onFailure) {
  try {
    for (let piece = await reader.next(); piece; piece = await reader.next()) {
      await outgoing.give(piece);
    }
    await outgoing.end();
  } catch (error) {
    if (outgoing.isOver) return;
    outgoing.fail(error);
    onFailure(error);
  }
}

/**
 * Opens an address of this page in a frame that nobody sees; each token is good for one request.
 * @param {number} withinMs
 * @returns {Promise<{asked: Asked, remove: () => void}>} once the worker asked for it
 */
async function navigated(withinMs) {
  const token = newToken();
  const frame = document.createElement('iframe');
  frame.hidden = true;
  listen();
  try {
    /** @type {Promise<Asked>} */
    const coming = new Promise((resolve, reject) => {
      owned.set(token, resolve);
      // A page instead of a question: the server answered, there is no worker.
      frame.addEventListener('load', () => reject(new Error('no worker stands before the server')));
    });
    frame.src = `${SCOPE}d/${token}`;
    document.body.append(frame);
    const asked = await within(coming, withinMs);
    return { asked, remove: () => setTimeout(() => frame.remove(), FRAME_MS) };
  } catch (error) {
    frame.remove();
    throw error;
  } finally {
    owned.delete(token);
  }
}

function listen() {
  if (isListening) return;
  isListening = true;
  navigator.serviceWorker.addEventListener('message', ({ data, ports: [port] }) => {
    const answer = data?.kim === 'serve' && port ? owned.get(data.token) : undefined;
    if (answer && port) answer({ range: data.range, instance: data.instance, port });
  });
  navigator.serviceWorker.startMessages();
}

/**
 * @param {Register} register
 * @returns {Promise<ServiceWorker>}
 */
async function activeWorker(register) {
  const registration = await register();
  if (registration.active) return registration.active;
  const coming = registration.installing ?? registration.waiting;
  if (!coming) throw new Error('no worker came');
  await within(
    new Promise((resolve, reject) => {
      coming.addEventListener('statechange', () => {
        if (coming.state === 'activated') resolve(undefined);
        if (coming.state === 'redundant') reject(new Error('the worker was refused'));
      });
    }),
    ACTIVE_MS,
  );
  return coming;
}

function newToken() {
  return toBase64url(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * @template T
 * @param {Promise<T>} work
 * @param {number} ms
 * @returns {Promise<T>}
 */
function within(work, ms) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), ms));
  return Promise.race([work, /** @type {Promise<never>} */ (late)]);
}
