import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Courier } from '../../static/js/net/courier.js';
import { PutError } from '../../static/js/net/put.js';

/** @import { Bytes } from '../../static/js/crypto/bytes.js' */

/** The browser's part of a worker: what the page says to it is kept, what it says is given in. */
function fakeWorker() {
  const worker = {
    /** @type {any[]} */
    heard: [],
    isEnded: false,
    /** @type {(event: {data: any}) => void} */
    onmessage: () => undefined,
    onerror: () => undefined,
    /** @param {any} message @param {Transferable[]} [transfer] */
    postMessage(message, transfer = []) {
      worker.heard.push(structuredClone(message, { transfer: /** @type {any} */ (transfer) }));
    },
    terminate: () => void (worker.isEnded = true),
    /** @param {object} data */
    say: (data) => worker.onmessage({ data }),
  };
  return worker;
}

/** @param {string} text */
function errandWith(text) {
  /** @type {{bytes: Bytes}} */
  const parcel = { bytes: new TextEncoder().encode(text) };
  const stop = new AbortController();
  /** @type {number[]} */
  const progress = [];
  const onProgress = (/** @type {number} */ sent) => void progress.push(sent);
  const request = { url: 'https://store.example/1', headers: { 'x-amz-a': 'b' } };
  return { ...request, parcel, onProgress, signal: stop.signal, stop, progress };
}

async function ready() {
  const worker = fakeWorker();
  const courier = new Courier(() => /** @type {any} */ (worker));
  worker.say({ type: 'ready' });
  return { worker, courier };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a courier', () => {
  it('lends the memory, tells the progress, and brings the memory back with the ETag', async () => {
    const { worker, courier } = await ready();
    const errand = errandWith('sealed');

    const sent = courier.put(errand);
    await turn();
    const [{ job, bytes, ...said }] = worker.heard;
    assert.equal(errand.parcel.bytes.length, 0);
    worker.say({ type: 'progress', job, sent: 3 });
    worker.say({ type: 'stored', job, bytes, etag: '"e"' });

    assert.equal(await sent, '"e"');
    assert.deepEqual(said, { type: 'put', url: errand.url, headers: errand.headers });
    assert.deepEqual(errand.progress, [3]);
    assert.equal(new TextDecoder().decode(errand.parcel.bytes), 'sealed');
  });

  it('brings the memory back from a failure, too, with its status', async () => {
    const { worker, courier } = await ready();
    const errand = errandWith('sealed');

    const sent = courier.put(errand);
    await turn();
    const [{ job, bytes }] = worker.heard;
    worker.say({ type: 'failed', job, bytes, message: 'status 403', status: 403 });

    await assert.rejects(sent, (error) => error instanceof PutError && error.status === 403);
    assert.equal(new TextDecoder().decode(errand.parcel.bytes), 'sealed');
  });

  it('ends with the reason of a pause once the memory is back', async () => {
    const { worker, courier } = await ready();
    const errand = errandWith('sealed');

    const sent = courier.put(errand);
    await turn();
    errand.stop.abort(new Error('paused'));
    const [{ job, bytes }, cancel] = worker.heard;
    assert.deepEqual(cancel, { type: 'cancel', job });
    worker.say({ type: 'failed', job, bytes, message: 'cut off', status: 0 });

    await assert.rejects(sent, { message: 'paused' });
    assert.equal(new TextDecoder().decode(errand.parcel.bytes), 'sealed');
  });

  it('gives nothing to a worker after a pause', async () => {
    const { worker, courier } = await ready();
    const errand = errandWith('sealed');
    errand.stop.abort(new Error('paused'));

    await assert.rejects(courier.put(errand), { message: 'paused' });

    assert.deepEqual(worker.heard, []);
    assert.equal(errand.parcel.bytes.length, 6);
  });

  it('leaves nobody waiting when it is closed', async () => {
    const { worker, courier } = await ready();

    const sent = courier.put(errandWith('sealed'));
    await turn();
    courier.close();

    await assert.rejects(sent, PutError);
    assert.ok(worker.isEnded);
  });

  it('whose worker does not start sends from the page', async () => {
    const worker = fakeWorker();
    const courier = new Courier(() => /** @type {any} */ (worker));
    worker.onerror();
    const errand = errandWith('sealed');

    // Node has no XMLHttpRequest: that it is asked for is all that can be seen here.
    await assert.rejects(courier.put(errand), { name: 'ReferenceError' });

    assert.deepEqual(worker.heard, []);
    assert.equal(errand.parcel.bytes.length, 6);
  });
});
