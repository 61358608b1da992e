/**
 * The browser's workers, on threads of Node.
 * @module
 */
import { Worker as Thread } from 'node:worker_threads';

/** @returns {Worker}  of worker/open.js */
export function spawnOpen() {
  return spawned('open');
}

/** @returns {Worker}  of worker/bundle.js */
export function spawnBundle() {
  return spawned('bundle');
}

/** @returns {Worker}  of worker/seal.js */
export function spawnSeal() {
  return spawned('seal');
}

/** @returns {Worker}  of worker/mark.js */
export function spawnMark() {
  return spawned('mark');
}

/**
 * @param {string} name
 * @returns {Worker}
 */
function spawned(name) {
  const url = new URL(`../../static/js/worker/${name}.js`, import.meta.url).href;
  const thread = new Thread(new URL('worker_shim.js', import.meta.url), { workerData: { url } });
  const worker = {
    /** @type {(event: {data: any}) => void} */
    onmessage: () => undefined,
    /** @type {(event: {message: string}) => void} */
    onerror: () => undefined,
    /** @param {unknown} message @param {ArrayBuffer[]} [transfer] */
    postMessage: (message, transfer) => thread.postMessage(message, transfer),
    terminate: () => void thread.terminate(),
  };
  thread.on('message', (data) => data.type !== 'loaded' && worker.onmessage({ data }));
  thread.on('error', (error) => worker.onerror({ message: String(error) }));
  return /** @type {any} */ (worker);
}
