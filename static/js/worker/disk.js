/**
 * Module worker: writes a file of this origin's private file system. A synchronous handle writes in
 * place, without the copy that a page's writable makes when it closes, and without leaving the
 * page's thread waiting.
 *
 * `open` {name, from} → `opened`: the first `from` bytes stay; `write` {job, position, buffer,
 * offset, size} → `written` {job, buffer}; `flush` {job} → `flushed`: everything is on disk;
 * `close` {job} → `closed` {job}: so it is here.
 * @module
 */

import { answerJobs } from './jobs.js';

const FULL = 'the disk is full';

/** @type {any} FileSystemSyncAccessHandle; TypeScript's worker library is not loaded here */
let handle;

answerJobs({
  /** @param {{name: string, from: number}} message */
  async open({ name, from }) {
    const root = await navigator.storage.getDirectory();
    const file = /** @type {any} */ (await root.getFileHandle(name, { create: true }));
    handle = await file.createSyncAccessHandle();
    if (handle.getSize() < from) throw new Error('a part of the file is gone');
    handle.truncate(from);
    return [{ type: 'opened' }];
  },

  /**
   * @param {{job: number, position: number, buffer: ArrayBuffer, offset: number, size: number}} said
   */
  write({ job, position, buffer, offset, size }) {
    try {
      const written = handle.write(new Uint8Array(buffer, offset, size), { at: position });
      // A full quota may also write less than it was given, without an error.
      if (written !== size) throw new DOMException(FULL, 'QuotaExceededError');
    } catch (error) {
      const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
      throw isFull ? new Error(FULL) : error;
    }
    return [{ type: 'written', job, buffer }, [buffer]];
  },

  /** @param {{job: number}} message */
  flush({ job }) {
    handle.flush();
    return [{ type: 'flushed', job }];
  },

  /** @param {{job: number}} message */
  close({ job }) {
    handle.flush();
    handle.close();
    return [{ type: 'closed', job }];
  },
});
