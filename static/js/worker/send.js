/**
 * Module worker: brings sealed parts to the store. It has no key and sees no plaintext; it is the
 * only one of our workers whose policy names the stores (kim/middleware.py, docs/adr/0013).
 *
 * `put` {job, url, headers, bytes} → `progress` {job, sent}, again and again, then `stored` {job,
 * bytes, etag} or `failed` {job, bytes, message, status}; `cancel` {job} → its `failed`. `ready` first.
 * @module
 */
import { PutError, put } from '../net/put.js';

/** @type {Map<number, AbortController>} */
const underWay = new Map();

self.addEventListener('message', async ({ data }) => {
  const { type, job, url, headers, bytes } = data;
  if (type === 'cancel') {
    underWay.get(job)?.abort(new PutError('cut off', 0));
    return;
  }
  const stop = new AbortController();
  underWay.set(job, stop);
  const transfer = [bytes.buffer];
  /** @param {number} sent */
  const onProgress = (sent) => self.postMessage({ type: 'progress', job, sent });
  // Bytes would cost a little less, but an open DevTools copies them for itself, at a tenth of the speed.
  const body = new Blob([bytes]);
  try {
    const etag = await put({ url, headers, body, onProgress, signal: stop.signal });
    self.postMessage({ type: 'stored', job, bytes, etag }, { transfer });
  } catch (error) {
    const { message, status } = error instanceof PutError ? error : new PutError(String(error), 0);
    self.postMessage({ type: 'failed', job, bytes, message, status }, { transfer });
  } finally {
    underWay.delete(job);
  }
});

self.postMessage({ type: 'ready' });
