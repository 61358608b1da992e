/**
 * Module worker: reads plaintext from Blobs and seals it into part buffers. Speaks messages.js.
 * @module
 */

import { parseHeader } from '../crypto/header.js';
import { Sealer } from '../crypto/sealer.js';
import { answerJobs } from './jobs.js';
import { segmentReader } from './sources.js';

/**
 * @import { Header } from '../crypto/header.js'
 * @import { Ready, SealInit, SealJob, Sealed } from './messages.js'
 */

/** @type {{header: Header, sealer: Sealer} | undefined} */
let session;

answerJobs({
  /** @param {SealInit} message */
  init({ core, contentKey }) {
    const header = parseHeader(core);
    session = { header, sealer: new Sealer(header, contentKey) };
    /** @type {Ready} */
    const ready = { type: 'ready' };
    return [ready];
  },

  /** @param {SealJob} message */
  async seal({ job, first, count, sources, buffer, offset, isBlob = false }) {
    if (!session) throw new Error('init comes first');
    const { header, sealer } = session;
    const size = header.storedSizeOfRange(first, count);
    const totalSize = header.plainSizeOfRange(first, count);
    const plainOf = segmentReader(sources, { plainSize: header.plainSize, totalSize });
    const stored = new Uint8Array(buffer, offset, size);
    const rows = await sealer.seal(first, count, plainOf, stored);
    /** @type {Sealed} */
    const sealed = { type: 'sealed', job, first, count, buffer, offset, size, rows };
    if (isBlob) sealed.blob = new Blob([stored]);
    return [sealed, [buffer]];
  },
});
