/**
 * Module worker: opens stored segments in the buffer they came in. Speaks messages.js.
 * @module
 */

import { parseHeader } from '../crypto/header.js';
import { Opener } from '../crypto/opener.js';
import { answerJobs } from './jobs.js';

/** @import { OpenInit, OpenJob, Opened, Ready } from './messages.js' */

/** @type {Opener | undefined} */
let opener;

answerJobs({
  /** @param {OpenInit} message */
  init({ core, contentKey }) {
    opener = new Opener(parseHeader(core), contentKey);
    /** @type {Ready} */
    const ready = { type: 'ready' };
    return [ready];
  },

  /** @param {OpenJob} message */
  async open({ job, first, count, rows, buffer, offset, size: storedSize }) {
    if (!opener) throw new Error('init comes first');
    const stored = new Uint8Array(buffer, offset, storedSize);
    const size = await opener.open(first, stored, rows, stored);
    /** @type {Opened} */
    const opened = { type: 'opened', job, first, count, buffer, offset, size };
    return [opened, [buffer]];
  },
});
