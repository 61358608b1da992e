/**
 * Module worker: derives what is sent in place of a password. Speaks messages.js.
 * @module
 */

import { deriveLogin } from '../crypto/passwords.js';
import { answerJobs } from './jobs.js';

/** @import { KdfDone, KdfJob } from './messages.js' */

answerJobs({
  /** @param {KdfJob} message */
  derive({ job, password, salt, memoryKib, passes }) {
    const secret = deriveLogin(password, { salt, memoryKib, passes });
    /** @type {KdfDone} */
    const done = { type: 'derived', job, secret };
    return [done];
  },
});
