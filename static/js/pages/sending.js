/**
 * From a dropped file to a container that the server has checked byte by byte.
 * preparing → encrypting and uploading → finalising → checking → ready; every step can be repeated.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { Gate } from '../io/gate.js';
import { partsOf } from '../io/layout.js';
import { hold } from '../io/locks.js';
import { SealPool, slotCount, workerCount } from '../io/pool.js';
import { reconcile } from '../io/reconciling.js';
import * as store from '../io/store.js';
import * as unfinished from '../io/unfinished.js';
import { Upload } from '../io/upload.js';
import { ApiError } from '../net/api.js';
import { wait } from '../net/backoff.js';
import * as creator from '../net/creator.js';
import { senderOf } from '../net/parts.js';
import { spawn } from '../ui/trusted.js';
import { mark, t } from '../texts/say.js';
import { forget, lockOf } from './leftovers.js';
import { Marking } from './marking.js';
import { isMissing, patiently } from './patience.js';
import { Progress } from './progress.js';
import { draftOf, payloadOf, prepare, prepareAgain, rowOf } from './sealing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Selection } from '../io/selection.js'
 * @import { Draft, Replaces } from '../io/store.js'
 * @import { PartSender } from '../net/parts.js'
 * @import { UploadRow } from '../io/unfinished.js'
 * @import { Facts } from '../ui/transfer.js'
 * @import { Sealing } from './sealing.js'
 */

const POLL_MS = 400;
const POLL_MOST_MS = 3_000;
const SENT_AGAIN_MOST = 3;

const NOT_THERE = mark('The store does not have all that it said it had; that is sent again.');

/** One file or folder on its way. Never holds more of it than the part buffers do. */
export class Sending {
  #username;
  #replaces;
  #progress;
  #stop = new AbortController();
  #gate = new Gate();
  /** @type {Promise<unknown>} */
  #running = Promise.resolve();
  /** What this browser keeps of it, from the moment the server knows it. @type {UploadRow | null} */
  #row = null;
  /** @type {(() => void) | null} */
  #letGo = null;
  #isKept = false;
  /** @type {Draft | null} */
  #draft = null;

  /**
   * @param {string} username
   * @param {(facts: Facts) => void} tell
   * @param {Replaces | null} [replaces]  the file whose content it is to replace
   */
  constructor(username, tell, replaces = null) {
    this.#username = username;
    this.#replaces = replaces;
    this.#progress = new Progress(tell);
  }

  /**
   * Starts, or goes on with what an earlier try or visit has brought there.
   * @param {Selection | null} selection  null for what was uploaded whole on an earlier visit
   * @param {Bytes} root  R
   * @param {UploadRow | null} [row]  of an earlier visit
   * @returns {Promise<Draft>} once the server has verified the whole object
   * @throws {KimError} `file_changed` before anything moves; `running_elsewhere`
   */
  start(selection, root, row = null) {
    const started = this.#start(selection, root, row);
    this.#running = started.catch(() => undefined);
    return started;
  }

  /**
   * @param {Selection | null} selection
   * @param {Bytes} root
   * @param {UploadRow | null} row
   */
  async #start(selection, root, row) {
    if (this.#draft) return this.finish(this.#draft); // everything was acknowledged before
    if (!selection) {
      throw new KimError('no_file', t('Choose it again.'), t('The file is not here.'));
    }
    this.#progress.say({ state: 'preparing' });
    if (row && !this.#row) {
      await this.#hold(row.uploadId);
      this.#row = row;
    }
    for (let round = 1; ; round += 1) {
      const draft = this.#row
        ? await this.#goOn(this.#row, selection, root)
        : await this.#begin(selection, root);
      try {
        return await this.finish(draft);
      } catch (error) {
        if (!isMissing(error) || round === SENT_AGAIN_MOST) throw error;
        this.#progress.remark(t(NOT_THERE));
      }
    }
  }

  /**
   * Everything is in the store; the server puts it together and reads it back.
   * @param {Draft} draft
   * @returns {Promise<Draft>}
   * @throws {ApiError} `parts_missing`: an unfinished upload again, as after a crash
   */
  async finish(draft) {
    const { signal } = this.#stop;
    this.#draft = draft;
    this.#progress.say({ state: 'finalising' });
    for (let round = 0; ; round += 1) {
      const upload = await this.#patiently(() => creator.upload(draft.uploadId, signal));
      if (upload.state === 'open') await this.#complete(draft);
      if (upload.state === 'verified') break;
      if (upload.state === 'failed' || upload.state === 'aborted') throw await this.#lost(upload);
      if (upload.state === 'verifying') {
        const { verified_bytes: done, size_bytes: total } = upload;
        this.#progress.say({ state: 'checking', done, total });
      }
      await wait(Math.min(POLL_MOST_MS, POLL_MS * (1 + round / 4)), signal);
    }
    await unfinished.dropUpload(draft.uploadId); // kept until now: the store may have lied about a part
    this.#progress.say({ state: 'ready' });
    return draft;
  }

  /** @param {Draft} draft */
  async #complete({ uploadId, contentId }) {
    try {
      await this.#patiently(() => creator.completeUpload(uploadId, contentId));
    } catch (error) {
      if (isMissing(error)) {
        this.#draft = null;
        await store.dropDraft(uploadId);
      }
      throw error;
    }
  }

  /** What is in flight is cut off and sent again later; what has arrived stays. */
  pause() {
    this.#gate.close();
    this.#progress.pause();
  }

  unpause() {
    this.#gate.open();
    this.#progress.unpause();
  }

  /** Stops everything and tells the server to forget what has arrived. */
  async cancel() {
    this.#stop.abort(new DOMException('cancelled', 'AbortError'));
    await this.#running; // it may write its last rows still
    const { uploadId } = this;
    if (uploadId) await forget(uploadId).catch(() => undefined);
    this.#release();
  }

  /** Stops, and leaves everything for a later visit. */
  async leave() {
    this.#stop.abort(new DOMException('left', 'AbortError'));
    await this.#running;
    this.#release();
  }

  get isCancelled() {
    return this.#stop.signal.aborted;
  }

  /** Whether this tab may be closed without losing anything but time. */
  get isResumable() {
    return this.#isKept;
  }

  get uploadId() {
    return this.#draft?.uploadId ?? this.#row?.uploadId ?? null;
  }

  /**
   * @param {Selection} selection
   * @param {Bytes} root
   * @returns {Promise<Draft>}
   */
  async #begin(selection, root) {
    const sealing = await prepare(selection, root, this.#replaces);
    return this.#withPool(sealing, async (pool) => {
      const { id, part_bytes: partSize } = await creator.beginUpload({
        size_bytes: sealing.header.totalSize,
        core_header: toBase64url(sealing.header.core),
      });
      const sender = senderOf(id, partsOf(sealing.header, partSize));
      const place = { uploadId: id, partSize, username: this.#username };
      const row = rowOf(selection, sealing, place, this.#replaces);
      this.#row = row;
      await this.#hold(id);
      this.#stop.signal.throwIfAborted();
      await unfinished.keepUpload(row).then(
        () => (this.#isKept = true),
        () => undefined, // it goes up all the same; only a closed tab would lose it
      );
      const marking = new Marking(row, selection, []);
      return this.#transfer({ row, selection, sealing, pool, marking, sender, kept: new Map() });
    });
  }

  /**
   * @param {UploadRow} row
   * @param {Selection} selection
   * @param {Bytes} root
   * @returns {Promise<Draft>}
   */
  async #goOn(row, selection, root) {
    const known = await unfinished.marks(row.uploadId);
    const marking = new Marking(row, selection, known);
    try {
      if (known.length > 0) this.#progress.say({ state: 'comparing' });
      await marking.compare(this.#stop.signal);
    } catch (error) {
      marking.close();
      this.#release();
      throw error;
    }
    const stored = await this.#stored(row.uploadId);
    if (!stored) {
      marking.close();
      return this.#beginAnew(selection, root);
    }
    const sealing = prepareAgain(row, root);
    const payload = payloadOf(selection, () => marking.hashes());
    const parts = partsOf(sealing.header, row.partSize);
    const kept = reconcile(parts, stored, await unfinished.parts(row.uploadId), (part) => {
      const from = part.firstSegment * sealing.header.plainSize;
      const places = payload.filesIn(from, from + part.segmentCount * sealing.header.plainSize);
      return places.every((at) => marking.isKnown(at));
    });
    const again = parts.filter(({ number }) => !kept.has(number));
    const sender = senderOf(row.uploadId, again);
    const numbers = again.map(({ number }) => number);
    await unfinished.dropParts(row.uploadId, numbers);
    this.#isKept = true;
    return this.#withPool(sealing, (pool) =>
      this.#transfer({ row, selection, sealing, pool, marking, sender, kept }),
    );
  }

  /**
   * @param {Selection} selection
   * @param {Bytes} root
   */
  async #beginAnew(selection, root) {
    const old = this.#row?.uploadId;
    this.#progress.remark(t('The store gave the parts of the first try up; it starts anew.'));
    this.#row = null;
    this.#isKept = false;
    this.#release();
    this.#progress.say({ state: 'preparing' });
    if (old) await unfinished.dropUpload(old);
    return this.#begin(selection, root);
  }

  /**
   * @param {string} uploadId
   * @returns {Promise<creator.StoredPart[] | null>} null once server or store gave the upload up
   */
  async #stored(uploadId) {
    try {
      return await this.#patiently(() => creator.storedParts(uploadId));
    } catch (error) {
      const isGone = error instanceof ApiError && [404, 409, 410].includes(error.status);
      if (!isGone) throw error;
      await creator.abortUpload(uploadId).catch(() => undefined); // the server may clean up
      return null;
    }
  }

  /**
   * @template T
   * @param {Sealing} sealing
   * @param {(pool: SealPool) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #withPool({ header, key }, work) {
    // The workers load while the server opens the upload: the first byte leaves sooner.
    const keys = { core: header.core, contentKey: key };
    const pool = new SealPool(() => spawn('seal'), workerCount(), keys);
    try {
      return await work(pool);
    } finally {
      pool.close();
    }
  }

  /**
   * @param {{row: UploadRow, selection: Selection, sealing: Sealing, pool: SealPool,
   *   marking: Marking, sender: PartSender, kept: Map<number, Bytes>}} means
   * @returns {Promise<Draft>}
   */
  async #transfer({ row, selection, sealing, pool, marking, sender, kept }) {
    const { header, head } = sealing;
    const { uploadId } = row;
    const keeper = new unfinished.Keeper(unfinished.keepParts);
    const upload = new Upload({
      payload: payloadOf(selection, () => marking.hashes()),
      header,
      head,
      partSize: row.partSize,
      pool,
      slots: slotCount(workerCount()),
      kept,
      gate: this.#gate,
      signal: this.#stop.signal,
      send: (number, body, watch) => sender.send(number, body, watch),
      onPart: ({ number, size }, rows, etag) => keeper.note({ uploadId, number, size, rows, etag }),
      onProgress: (done) => this.#progress.note(done),
      onTrouble: (trouble) => this.#progress.hear(trouble),
    });
    this.#progress.begin(upload.acknowledged, header.totalSize);
    try {
      const running = upload.run();
      marking.begin();
      const contentId = await running;
      return await this.#keepDraft(row, contentId);
    } finally {
      marking.close();
      await Promise.all([keeper.flushed(), marking.flushed()]);
    }
  }

  /**
   * From here on a closed tab loses nothing at all: the next visit goes on by itself.
   * @param {UploadRow} row
   * @param {Bytes} contentId
   * @returns {Promise<Draft>}
   */
  async #keepDraft(row, contentId) {
    const draft = draftOf(row, contentId);
    this.#draft = draft;
    await store.keepDraft(draft);
    return draft;
  }

  #release() {
    this.#letGo?.();
    this.#letGo = null;
  }

  /**
   * Another tab that is opened meanwhile must leave this upload alone.
   * @param {string} uploadId
   */
  async #hold(uploadId) {
    this.#letGo = await hold(lockOf(uploadId));
    if (this.#letGo) return;
    throw new KimError(
      'running_elsewhere',
      t('Look for it among your open tabs.'),
      t('This upload is running in another tab.'),
    );
  }

  /**
   * @template T
   * @param {() => Promise<T>} ask
   */
  #patiently(ask) {
    return patiently(ask, this.#progress, this.#stop.signal);
  }

  /** @param {{state: string, error: {code: string, message: string} | null}} upload */
  async #lost({ state, error }) {
    const uploadId = this.uploadId;
    this.#draft = null;
    this.#row = null;
    this.#isKept = false;
    this.#release();
    if (uploadId) await Promise.all([store.dropDraft(uploadId), unfinished.dropUpload(uploadId)]);
    return new KimError(
      error?.code ?? `upload_${state}`,
      t('Your file here is untouched. Try again.'),
      error?.message ?? t('The upload was given up on the server.'),
    );
  }
}
