/**
 * Module worker: works out what is sent in place of a password, and the vault key. Speaks messages.js.
 * @module
 */

import { work } from '../crypto/passwords.js';
import { answerJobs } from './jobs.js';

/** @import { KdfDone, KdfJob } from './messages.js' */

answerJobs({
  /** @param {KdfJob} message */
  derive({ job, password, ...settings }) {
    /** @type {KdfDone} */
    const done = { type: 'derived', job, ...work(password, settings) };
    return [done];
  },
});
