/**
 * Runs one of our module workers in a thread of Node: gives it the three names it takes from a
 * browser's worker, nothing else.
 * @module
 */

import { parentPort, workerData } from 'node:worker_threads';

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

Object.assign(globalThis, {
  self: {
    /** @param {string} type @param {(event: {data: unknown}) => void} listener */
    addEventListener(type, listener) {
      port.on(type, (data) => listener({ data }));
    },
    /** @param {unknown} message @param {{transfer: ArrayBuffer[]}} options */
    postMessage(message, { transfer }) {
      port.postMessage(message, transfer);
    },
  },
});

await import(workerData.url);
port.postMessage({ type: 'loaded' });
