/**
 * A password becomes what is sent in its place and the vault key, in a worker of its own. The worker ends with it.
 * @module
 */

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Worked } from '../crypto/passwords.js'
 * @import { FromKdf, KdfJob } from '../worker/messages.js'
 */

/**
 * @param {() => Worker} spawn
 * @param {{password: string, salt: Bytes, memoryKib: number, passes: number, scheme: number}} work
 * @returns {Promise<Worked>}
 */
export function derive(spawn, work) {
  const worker = spawn();
  /** @type {KdfJob} */
  const job = { type: 'derive', job: 1, ...work };
  /** @type {Promise<Worked>} */
  const derived = new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || 'the worker did not start'));
    worker.onmessage = (event) => {
      /** @type {FromKdf} */
      const said = event.data;
      if (said.type === 'derived') resolve({ proof: said.proof, vaultKey: said.vaultKey });
      else reject(new Error(said.message));
    };
    worker.postMessage(job);
  });
  return derived.finally(() => worker.terminate());
}
