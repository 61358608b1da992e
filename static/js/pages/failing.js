/**
 * What was paid and does not open: told to its creator by this page itself, and shown to whoever
 * bought it, now and when they come back.
 * @module
 */
import * as buyer from '../net/buyer.js';
import { mark, t } from '../texts/say.js';
import { byId, make } from '../ui/dom.js';

/**
 * @import { Failure } from '../net/buyer.js'
 * @import { Step } from './saver.js'
 */

const TOLD = mark(
  'The creator has been told, with the step that failed. They can send your money back or mend the file.',
);
const DO = mark(
  'You can try again at any time: another copy may be there by then. What becomes of it will stand on this page.',
);

export class Failing {
  #place = byId('failure');
  #purchaseId;
  #claim;

  /**
   * @param {string} purchaseId
   * @param {string} claim  base64url
   */
  constructor(purchaseId, claim) {
    this.#purchaseId = purchaseId;
    this.#claim = claim;
  }

  /** Shows what was told before. */
  async recall() {
    const { failures } = await buyer.failures(this.#purchaseId, this.#claim);
    const last = failures.at(-1);
    if (last) this.#show(last);
  }

  /**
   * @param {Step} step
   * @param {unknown} error  of what was bought, not of this browser
   */
  async tell(step, error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const segment = error instanceof Error && 'segment' in error ? Number(error.segment) : NaN;
    const told = { step, code, segment: Number.isSafeInteger(segment) ? segment : null };
    try {
      this.#show(await buyer.tellFailure(this.#purchaseId, this.#claim, told));
    } catch {
      // The failure itself stands on the page; it is told at the next try.
    }
  }

  /** @param {Failure} failure */
  #show({ says, note, closed_at: closedAt }) {
    const isClosed = closedAt !== null;
    this.#place.replaceChildren(
      make('p', { text: says }),
      make('p', {
        class: 'hint',
        text: isClosed ? t('The creator says: {note}', { note }) : `${t(TOLD)} ${t(DO)}`,
      }),
    );
    this.#place.className = isClosed ? 'notice' : 'notice amber';
    this.#place.hidden = false;
  }
}
