/**
 * The worker's side of messages.js: hands each message to its handler, and answers with the result
 * or with what went wrong.
 * @module
 */

import { KimError } from '../crypto/errors.js';

/** @import { Failed } from './messages.js' */

/** @typedef {[message: object, transfer?: Transferable[]]} Answer */

/**
 * @param {Record<string, (message: any) => Answer | Promise<Answer>>} handlers  by message type
 */
export function answerJobs(handlers) {
  self.addEventListener('message', async ({ data }) => {
    try {
      const handler = handlers[data.type];
      if (!handler) throw new Error(`no handler for ${data.type}`);
      const [message, transfer = []] = await handler(data);
      self.postMessage(message, { transfer });
    } catch (error) {
      const buffer = data.buffer instanceof ArrayBuffer ? data.buffer : undefined;
      self.postMessage(
        { ...failure(error, data.job ?? null), buffer },
        { transfer: buffer ? [buffer] : [] },
      );
    }
  });
}

/**
 * @param {unknown} error
 * @param {number | null} job
 * @returns {Failed}
 */
function failure(error, job) {
  if (error instanceof KimError) {
    const { code, message, segment } = error;
    return { type: 'failed', job, code, message, segment };
  }
  const message = error instanceof Error ? error.message : String(error);
  const isUnreadable = error instanceof DOMException && error.name.startsWith('Not');
  return { type: 'failed', job, code: isUnreadable ? 'unreadable' : 'internal', message };
}
