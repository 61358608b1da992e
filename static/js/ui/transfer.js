/**
 * How far a file is on its way, in words and as a bar. 100 % only once it is true.
 * @module
 */
import { action, one, slot } from './dom.js';
import * as format from './format.js';

/**
 * @typedef {'preparing' | 'uploading' | 'waiting' | 'finalising' | 'checking' | 'ready' | 'failed'}
 *   TransferState
 *
 * @typedef {object} Facts
 * @property {TransferState} state
 * @property {number} [done]   bytes
 * @property {number} [total]  bytes
 * @property {number} [bytesPerSecond]
 * @property {number | null} [secondsLeft]
 * @property {string} [trouble]
 */

const SAFE = 'Encrypted here, in this page. We never see the file or its key.';

export class TransferView {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    action(root, 'cancel').addEventListener('click', () => this.#tell('kim-cancel'));
    action(root, 'retry').addEventListener('click', () => this.#tell('kim-retry'));
  }

  /**
   * @param {string} name
   * @param {number} sizeBytes
   */
  begin(name, sizeBytes) {
    slot(this.#root, 'name').textContent = `${name} · ${format.bytes(sizeBytes)}`;
    this.#root.hidden = false;
    this.show({ state: 'preparing' });
  }

  hide() {
    this.#root.hidden = true;
  }

  /** @param {Facts} facts */
  show(facts) {
    const { state, done = 0, total = 0 } = facts;
    this.#root.dataset['state'] = state;
    const said = slot(this.#root, 'said');
    const words = wordsOf(facts);
    if (said.textContent !== words) said.textContent = words;
    const bar = /** @type {HTMLProgressElement} */ (one(this.#root, 'progress'));
    bar.hidden = state === 'failed' || state === 'ready';
    if (total > 0) bar.value = Math.min(state === 'ready' ? 1000 : 999, (1000 * done) / total);
    else if (state === 'preparing') bar.value = 0;
    slot(this.#root, 'hint').textContent =
      facts.trouble && state !== 'waiting' ? facts.trouble : SAFE;
    action(this.#root, 'retry').hidden = state !== 'failed';
    action(this.#root, 'cancel').textContent = state === 'ready' ? 'Remove' : 'Cancel';
  }

  /** @param {string} name */
  #tell(name) {
    this.#root.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }
}

/** @param {Facts} facts */
function wordsOf({ state, done = 0, total = 0, bytesPerSecond = 0, secondsLeft, trouble = '' }) {
  const percent = total > 0 ? Math.min(99, Math.floor((100 * done) / total)) : 0;
  switch (state) {
    case 'preparing':
      return 'Preparing';
    case 'uploading': {
      const parts = [`Encrypting and uploading ${percent} %`, format.progress(done, total)];
      if (bytesPerSecond > 0) parts.push(format.rate(bytesPerSecond));
      if (typeof secondsLeft === 'number') parts.push(`${format.duration(secondsLeft)} left`);
      return parts.join(' · ');
    }
    case 'waiting':
      return `${trouble} Waiting at ${percent} %, and going on by itself. What has arrived is safe.`;
    case 'finalising':
      return 'Finalising: the store puts the parts together';
    case 'checking':
      return total > 0 ? `Checking every byte · ${format.progress(done, total)}` : 'Checking';
    case 'ready':
      return 'Ready: encrypted, uploaded and checked';
    case 'failed':
      return 'Not finished';
  }
}
