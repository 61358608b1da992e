/**
 * How far a file is on its way, in words and as a bar. 100 % only once it is true.
 * @module
 */
import { many, mark, t } from '../texts/say.js';
import { action, one, slot } from './dom.js';
import * as format from './format.js';

/**
 * @typedef {'preparing' | 'comparing' | 'uploading' | 'waiting' | 'paused' | 'finalising' |
 *   'checking' | 'ready' | 'failed'} TransferState
 *
 * @typedef {object} Facts
 * @property {TransferState} state
 * @property {number} [done]   bytes
 * @property {number} [total]  bytes
 * @property {number} [bytesPerSecond]
 * @property {number | null} [secondsLeft]
 * @property {string} [trouble]
 * @property {string} [note]  what the person should know beside it
 */

const SAFE = mark('Encrypted here, in this page. We never see the file or its key.');

/** While it runs, people ask one thing: what if I close this? */
const STAYS = mark('You may close this page: come back, and it goes on where it stopped.');
const MOVING = new Set(['uploading', 'waiting', 'paused']);

export class TransferView {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    action(root, 'cancel').addEventListener('click', () => this.#tell('kim-cancel'));
    action(root, 'retry').addEventListener('click', () => this.#tell('kim-retry'));
    action(root, 'pause').addEventListener('click', () => {
      this.#tell(root.dataset['state'] === 'paused' ? 'kim-unpause' : 'kim-pause');
    });
  }

  /**
   * @param {string} name
   * @param {number} sizeBytes
   * @param {number} [count]  files, where there are several
   */
  begin(name, sizeBytes, count = 1) {
    slot(this.#root, 'name').textContent = name;
    const files =
      count > 1
        ? ` · ${many(count, '1 file', '{count} files', { count: format.number(count) })}`
        : '';
    slot(this.#root, 'size').textContent = `${files} · ${format.bytes(sizeBytes)}`;
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
    slot(this.#root, 'hint').textContent = hintOf(facts);
    const pause = action(this.#root, 'pause');
    pause.hidden = !MOVING.has(state);
    pause.textContent = state === 'paused' ? t('Go on') : t('Pause');
    action(this.#root, 'retry').hidden = state !== 'failed';
    action(this.#root, 'cancel').textContent = state === 'ready' ? t('Remove') : t('Cancel');
  }

  /** @param {string} name */
  #tell(name) {
    this.#root.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }
}

/** @param {Facts} facts */
function hintOf({ state, trouble, note }) {
  if (trouble && state !== 'waiting') return trouble;
  const words = MOVING.has(state) ? `${t(SAFE)} ${t(STAYS)}` : t(SAFE);
  return note ? `${note} ${words}` : words;
}

/** @param {Facts} facts */
function wordsOf({ state, done = 0, total = 0, bytesPerSecond = 0, secondsLeft, trouble = '' }) {
  const percent = total > 0 ? Math.min(99, Math.floor((100 * done) / total)) : 0;
  switch (state) {
    case 'preparing':
      return t('Preparing');
    case 'comparing':
      return t('Comparing it with what you began with');
    case 'paused':
      return t('Paused at {percent} % · {progress} are there and stay there', {
        ...{ percent, progress: format.progress(done, total) },
      });
    case 'uploading': {
      const parts = [
        t('Encrypting and uploading {percent} %', { percent }),
        format.progress(done, total),
      ];
      if (bytesPerSecond > 0) parts.push(format.rate(bytesPerSecond));
      if (typeof secondsLeft === 'number') {
        parts.push(t('{time} left', { time: format.duration(secondsLeft) }));
      }
      return parts.join(' · ');
    }
    case 'waiting':
      return t(
        '{trouble} Waiting at {percent} %, and going on by itself. What has arrived is safe.',
        {
          ...{ trouble, percent },
        },
      );
    case 'finalising':
      return t('Finalising: the store puts the parts together');
    case 'checking':
      return total > 0
        ? t('Checking every byte · {progress}', { progress: format.progress(done, total) })
        : t('Checking');
    case 'ready':
      return t('Ready: encrypted, uploaded and checked');
    case 'failed':
      return t('Not finished');
  }
}
