/**
 * Module worker: writes a file of this origin's private file system. A synchronous handle writes in
 * place, without the copy that a page's writable makes when it closes, and without leaving the
 * page's thread waiting.
 *
 * `open` {name} → `opened`; `write` {job, position, buffer, offset, size} → `written` {job, buffer};
 * `close` {job} → `closed` {job}: everything is on disk.
 * @module
 */

import { answerJobs } from './jobs.js';

/** @type {any} FileSystemSyncAccessHandle; TypeScript's worker library is not loaded here */
let handle;

answerJobs({
  /** @param {{name: string}} message */
  async open({ name }) {
    const root = await navigator.storage.getDirectory();
    const file = /** @type {any} */ (await root.getFileHandle(name, { create: true }));
    handle = await file.createSyncAccessHandle();
    handle.truncate(0);
    return [{ type: 'opened' }];
  },

  /**
   * @param {{job: number, position: number, buffer: ArrayBuffer, offset: number, size: number}} said
   */
  write({ job, position, buffer, offset, size }) {
    const written = handle.write(new Uint8Array(buffer, offset, size), { at: position });
    // A full quota writes less than it was given, without an error.
    if (written !== size) throw new Error('the disk is full');
    return [{ type: 'written', job, buffer }, [buffer]];
  },

  /** @param {{job: number}} message */
  close({ job }) {
    handle.flush();
    handle.close();
    return [{ type: 'closed', job }];
  },
});
