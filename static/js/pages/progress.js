/**
 * What a transfer tells its page: how far, how fast, what it waits for; often enough to be seen,
 * seldom enough to cost nothing.
 * @module
 */
import { Rate } from '../io/rate.js';

/** @import { Facts } from '../ui/transfer.js' */

const SHOWN_EVERY_MS = 120;

export class Progress {
  #tell;
  #rate = new Rate();
  #shownAtMs = 0;
  #trouble = '';
  #note = '';
  #done = 0;
  #total = 0;
  #isPaused = false;

  /** @param {(facts: Facts) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {Facts} facts */
  say(facts) {
    this.#tell(this.#note ? { note: this.#note, ...facts } : facts);
  }

  /** @param {string} note  said beside everything from now on */
  remark(note) {
    this.#note = note;
  }

  /**
   * @param {number} done   bytes that are there already
   * @param {number} total
   */
  begin(done, total) {
    this.#done = done;
    this.#total = total;
    this.#rate = new Rate();
    this.say({ state: this.#isPaused ? 'paused' : 'uploading', done, total });
  }

  /** @param {number} done  bytes so far */
  note(done) {
    const nowMs = performance.now();
    this.#done = done;
    this.#rate.note(done, nowMs);
    if (this.#isPaused) this.say({ state: 'paused', done, total: this.#total });
    if (this.#isPaused || nowMs - this.#shownAtMs < SHOWN_EVERY_MS) return;
    this.#shownAtMs = nowMs;
    this.say({
      state: this.#trouble ? 'waiting' : 'uploading',
      done,
      total: this.#total,
      trouble: this.#trouble,
      bytesPerSecond: this.#rate.bytesPerSecond,
      secondsLeft: this.#rate.secondsFor(this.#total - done),
    });
  }

  /** @param {string | null} trouble  why it waits; null once it goes on */
  hear(trouble) {
    if (this.#trouble === (trouble ?? '')) return;
    this.#trouble = trouble ?? '';
    this.#shownAtMs = 0;
    this.note(this.#done);
  }

  pause() {
    this.#isPaused = true;
    this.say({ state: 'paused', done: this.#done, total: this.#total });
  }

  unpause() {
    this.#isPaused = false;
    this.#shownAtMs = 0;
    this.#rate = new Rate();
    this.note(this.#done);
  }
}
