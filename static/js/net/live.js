/**
 * Follows one purchase while its page is looked at: by server-sent events in one tab of this
 * browser, by asking every few seconds in the others and wherever events do not come through.
 * While the page is hidden it asks twice a minute, and at once when it is looked at again.
 * @module
 */

const POLL_MS = 4_000;
const POLL_MOST_MS = 30_000;
/** Behind a stream that works, and while nobody looks. */
const POLL_SLOW_MS = 30_000;
const LOCK = 'kim-live';

/**
 * @typedef {object} Facts
 * @property {string} purchaseId
 * @property {() => Promise<void>} look  asks for the whole state; rejects while it cannot
 * @property {(live: any) => void} hear  one event's data
 */

export class Live {
  #facts;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #streams = false;
  /** @type {AbortController | null} */
  #turn = null;
  #looking = false;
  #stopped = false;

  /** @param {Facts} facts */
  constructor(facts) {
    this.#facts = facts;
    document.addEventListener('visibilitychange', this.#seen);
    addEventListener('online', this.#seen);
    addEventListener('pageshow', this.#seen);
    this.#seen();
  }

  /** Looks at once, whatever the clock says. */
  now() {
    clearTimeout(this.#timer);
    void this.#poll();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#close();
    document.removeEventListener('visibilitychange', this.#seen);
    removeEventListener('online', this.#seen);
    removeEventListener('pageshow', this.#seen);
  }

  #seen = () => {
    if (this.#stopped) return;
    if (document.visibilityState === 'visible') {
      void this.#waitForTurn();
      this.now();
    } else {
      this.#close();
      this.#schedule();
    }
  };

  async #poll() {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    try {
      await this.#facts.look();
      this.#failures = 0;
    } catch {
      this.#failures += 1;
    } finally {
      this.#looking = false;
      this.#schedule();
    }
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const isSlow = this.#streams || document.visibilityState === 'hidden';
    const ms = isSlow ? POLL_SLOW_MS : Math.min(POLL_MOST_MS, POLL_MS * 2 ** this.#failures);
    this.#timer = setTimeout(() => void this.#poll(), ms);
  }

  /** Browsers allow six connections to a server; of all our tabs, one holds a stream. */
  async #waitForTurn() {
    if (this.#turn) return;
    const turn = new AbortController();
    this.#turn = turn;
    try {
      if (navigator.locks) {
        await navigator.locks.request(LOCK, { signal: turn.signal }, () => this.#stream(turn));
      } else {
        await this.#stream(turn);
      }
    } catch {
      // Hidden or closed before the turn came.
    }
    if (this.#turn === turn) this.#turn = null;
  }

  /**
   * @param {AbortController} turn
   * @returns {Promise<void>} once the stream is over
   */
  #stream(turn) {
    if (turn.signal.aborted) return Promise.resolve();
    const source = new EventSource(`/api/v1/purchases/${this.#facts.purchaseId}/events/`);
    source.addEventListener('state', (event) => {
      this.#streams = true;
      this.#facts.hear(JSON.parse(event.data));
    });
    // The browser connects again by itself; until then we ask.
    source.addEventListener('error', () => {
      if (this.#streams) this.now();
      this.#streams = false;
      if (source.readyState === EventSource.CLOSED) turn.abort();
    });
    return new Promise((resolve) => {
      turn.signal.addEventListener('abort', () => {
        source.close();
        this.#streams = false;
        resolve();
      });
    });
  }

  #close() {
    this.#turn?.abort();
    this.#turn = null;
  }
}
