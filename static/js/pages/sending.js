/**
 * From a dropped file to a container that the server has checked byte by byte.
 * preparing → encrypting and uploading → finalising → checking → ready; every step can be repeated.
 * @module
 */
import { fromHex, random, toBase64url, toHex } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { contentKey, linkSecret, releaseSecret, wrap } from '../crypto/keys.js';
import { sealMeta } from '../crypto/meta.js';
import { buildHead } from '../crypto/records.js';
import { begin } from '../crypto/sealer.js';
import { SealPool, workerCount } from '../io/pool.js';
import { hold } from '../io/locks.js';
import { Rate } from '../io/rate.js';
import * as store from '../io/store.js';
import { Upload } from '../io/upload.js';
import { ApiError } from '../net/api.js';
import { delayMs, untilOnline, wait } from '../net/backoff.js';
import * as creator from '../net/creator.js';
import { PartSender, plainly } from '../net/parts.js';
import { linkless } from '../ui/linkless.js';
import { spawn } from '../ui/trusted.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { Draft } from '../io/store.js'
 * @import { Facts } from '../ui/transfer.js'
 */

const GENERATION = 0;
const SHOWN_EVERY_MS = 120;
const POLL_MS = 400;
const POLL_MOST_MS = 3_000;

/**
 * @typedef {object} Sealing  what is fixed before the first byte leaves
 * @property {Header} header
 * @property {Bytes} key   M
 * @property {Bytes} head
 * @property {Bytes} wrapped  W
 */

/** One file on its way. Never holds more of it than the part buffers do. */
export class Sending {
  #username;
  #tell;
  #stop = new AbortController();
  #rate = new Rate();
  #shownAtMs = 0;
  #trouble = '';
  #done = 0;
  /** @type {string | null} */
  #uploadId = null;
  /** @type {Draft | null} */
  #draft = null;

  /**
   * @param {string} username
   * @param {(facts: Facts) => void} tell
   */
  constructor(username, tell) {
    this.#username = username;
    this.#tell = tell;
  }

  /**
   * @param {File | null} file  null for one that was uploaded on an earlier visit
   * @param {Bytes} root  R
   * @returns {Promise<Draft>} once the server has verified the whole object
   */
  async start(file, root) {
    if (this.#draft) return this.finish(this.#draft); // everything was acknowledged before
    if (!file) throw new KimError('no_file', 'The file has to be sent again.', 'Choose it again.');
    this.#tell({ state: 'preparing' });
    const fileId = random(16);
    const sealing = await prepare(file, { root, title: titleOf(file.name), fileId });
    const contentId = await this.#transfer(file, sealing);
    const id = /** @type {string} */ (this.#uploadId);
    this.#draft = {
      username: this.#username,
      uploadId: id,
      fileId: toHex(fileId),
      core: sealing.header.core,
      contentId: toHex(contentId),
      wrapped: toBase64url(sealing.wrapped),
      name: file.name,
      sizeBytes: file.size,
      paidFileId: null,
    };
    // From here on a closed tab loses nothing: the next visit goes on with this row. Another tab
    // that is opened meanwhile must leave it alone.
    await hold(lockOf(id));
    await store.keepDraft(this.#draft);
    return this.finish(this.#draft);
  }

  /**
   * Everything is in the store; the server puts it together and reads it back.
   * @param {Draft} draft
   * @returns {Promise<Draft>}
   */
  async finish(draft) {
    const { signal } = this.#stop;
    this.#draft = draft;
    this.#uploadId = draft.uploadId;
    this.#tell({ state: 'finalising' });
    for (let round = 0; ; round += 1) {
      const upload = await this.#patiently(() => creator.upload(draft.uploadId, signal));
      if (upload.state === 'verified') break;
      if (upload.state === 'open') {
        await this.#patiently(() => creator.completeUpload(draft.uploadId, draft.contentId));
      }
      if (upload.state === 'failed' || upload.state === 'aborted') throw await this.#lost(upload);
      if (upload.state === 'verifying') {
        const { verified_bytes: done, size_bytes: total } = upload;
        this.#tell({ state: 'checking', done, total });
      }
      await wait(Math.min(POLL_MOST_MS, POLL_MS * (1 + round / 4)), signal);
    }
    this.#tell({ state: 'ready' });
    return draft;
  }

  /** Stops everything and tells the server to forget what has arrived. */
  async cancel() {
    this.#stop.abort(new DOMException('cancelled', 'AbortError'));
    if (!this.#uploadId) return;
    await store.dropDraft(this.#uploadId);
    await creator.abortUpload(this.#uploadId).catch(() => undefined);
  }

  get isCancelled() {
    return this.#stop.signal.aborted;
  }

  /**
   * @param {File} file
   * @param {Sealing} sealing
   * @returns {Promise<Bytes>} content_id
   */
  async #transfer(file, { header, key, head }) {
    const workers = workerCount();
    // The workers load while the server opens the upload: the first byte leaves sooner.
    const pool = new SealPool(() => spawn('seal'), workers, {
      core: header.core,
      contentKey: key,
    });
    try {
      const upload = await this.#open(file, { header, head, pool, slots: slotCount(workers) });
      this.#tell({ state: 'uploading', done: 0, total: header.totalSize });
      return await upload.run();
    } finally {
      pool.close();
    }
  }

  /**
   * @param {File} file
   * @param {{header: Header, head: Bytes, pool: SealPool, slots: number}} means
   * @returns {Promise<Upload>}
   */
  async #open(file, { header, head, pool, slots }) {
    const total = header.totalSize;
    const { id, part_bytes: partSize } = await creator.beginUpload({
      size_bytes: total,
      core_header: toBase64url(header.core),
    });
    this.#uploadId = id;
    this.#stop.signal.throwIfAborted();
    const count = Math.ceil(total / partSize);
    const order = Array.from({ length: count }, (_, at) => at + 1);
    const sender = new PartSender((numbers) => creator.signParts(id, numbers), order);
    sender.warm();
    return new Upload({
      payload: file,
      header,
      head,
      partSize,
      pool,
      slots,
      signal: this.#stop.signal,
      send: (number, body, watch) => sender.send(number, body, watch),
      onProgress: (done) => this.#progress(done, total),
      onTrouble: (trouble) => {
        if (this.#trouble === (trouble ?? '')) return;
        this.#trouble = trouble ?? '';
        this.#shownAtMs = 0;
        this.#progress(this.#done, total);
      },
    });
  }

  /**
   * @param {number} done
   * @param {number} total
   */
  #progress(done, total) {
    const nowMs = performance.now();
    this.#done = done;
    this.#rate.note(done, nowMs);
    if (nowMs - this.#shownAtMs < SHOWN_EVERY_MS) return;
    this.#shownAtMs = nowMs;
    this.#tell({
      state: this.#trouble ? 'waiting' : 'uploading',
      done,
      total,
      trouble: this.#trouble,
      bytesPerSecond: this.#rate.bytesPerSecond,
      secondsLeft: this.#rate.secondsFor(total - done),
    });
  }

  /**
   * Goes on asking while only the way to the server is broken.
   * @template T
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async #patiently(ask) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!error.isPassing && error.status !== 401) throw error;
        this.#tell({ state: 'waiting', trouble: plainly(error), done: 1, total: 1 });
        await untilOnline(this.#stop.signal);
        await wait(delayMs(attempt), this.#stop.signal);
      }
    }
  }

  /** @param {{state: string, error: {code: string, message: string} | null}} upload */
  async #lost({ state, error }) {
    this.#draft = null;
    if (this.#uploadId) await store.dropDraft(this.#uploadId);
    return new KimError(
      error?.code ?? `upload_${state}`,
      error?.message ?? 'The upload was given up on the server.',
      'Your file here is untouched. Try again.',
    );
  }
}

/**
 * @param {File} file
 * @param {{root: Bytes, title: string, fileId: Bytes}} known
 * @returns {Promise<Sealing>}
 */
async function prepare(file, { root, title, fileId }) {
  const key = contentKey(root, fileId);
  const release = releaseSecret(root, fileId, GENERATION);
  const link = linkSecret(root, fileId, GENERATION);
  const header = begin(key, { payloadSize: file.size, isBundle: false, fileId });
  const wrapped = await wrap(key, { release, link, header });
  const described = { title, name: file.name, type: file.type, files: [], count: 1 };
  const metaLink = await sealMeta(described, link, header);
  return {
    header,
    key,
    wrapped,
    head: buildHead(header, { hint: null, wraps: [wrapped], metaLink }),
  };
}

/**
 * A file that was uploaded in this browser, but not published, and that no other tab looks after.
 * @param {string} username
 * @returns {Promise<Draft | null>}
 */
export async function abandoned(username) {
  for (const draft of await store.drafts(username)) {
    if (await hold(lockOf(draft.uploadId))) return draft;
  }
  return null;
}

/**
 * @param {string} name  of a file
 * @returns {string} a title to begin with: no extension, and no link secret
 */
export function titleOf(name) {
  return linkless(name.replace(/\.[A-Za-z0-9]{1,8}$/, '').replaceAll('_', ' ')).trim() || name;
}

/** @param {string} uploadId */
function lockOf(uploadId) {
  return `kim-upload-${uploadId}`;
}

/**
 * Everything that follows from R for one file.
 * @param {Bytes} root
 * @param {Draft} draft
 */
export function secretsOf(root, draft) {
  const fileId = fromHex(draft.fileId);
  return {
    key: contentKey(root, fileId),
    release: releaseSecret(root, fileId, GENERATION),
    link: linkSecret(root, fileId, GENERATION),
    generation: GENERATION,
  };
}

/**
 * Phones have little memory and kill the page that takes more.
 * @param {number} workers
 */
function slotCount(workers) {
  const isSmall = matchMedia('(pointer: coarse)').matches;
  return isSmall ? 2 : Math.min(4, workers + 2);
}
