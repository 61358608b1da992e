/**
 * One transfer to this device, wherever the sealed bytes come from: bytes, rate and time left while
 * it runs, and a plain word why not when it fails. Pages say what of the payload, and under which name.
 * @module
 */
import { Download } from '../io/download.js';
import { workerCount } from '../io/pool.js';
import * as sinks from '../io/sinks.js';
import { delayMs, untilOnline, wait } from '../net/backoff.js';
import { mark, t } from '../texts/say.js';
import { action, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { spawn } from '../ui/trusted.js';
import { quietSink } from './places.js';
import { keepAwake } from './wake.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { Going } from '../io/disk.js'
 * @import { Facts, Progress } from '../io/download.js'
 * @import { Sink } from '../io/sinks.js'
 */

/**
 * @typedef {object} Sealed
 * @property {Header} header
 * @property {Bytes} rows
 * @property {Bytes} contentKey  M
 * @property {string} contentId  hex
 * @property {string} name       as the creator wrote it
 * @property {string} [type]     MIME type, where one is known
 * @property {boolean} [isStreamOnly]  its creator asks that it be watched here
 * @property {string} hint       what the button does, in a sentence
 * @property {Facts['read']} read
 * @property {(offset?: number) => boolean} [distrust]  the bytes at `offset`, or those that came last,
 *   were not those that were sold: whether there is another copy to read from
 * @property {(offset?: number) => boolean} [broke]  a stream broke off at `offset`; the same
 * @property {() => number} [stallMs]  how long a stream may stay silent
 * @property {string} [purchaseId]  where it is known a saving goes on after a reload
 * @property {(step: Step, error: unknown) => void} [blame]  what failed, and where: a failure of
 *   what was bought, not of this browser or its connection
 *
 * @typedef {'open' | 'directory' | 'segment' | 'file'} Step
 *
 * @typedef {object} Job
 * @property {string} name     of what is saved
 * @property {number} size     bytes of it, exactly
 * @property {{from: number, to: number}} [range]  of the payload; else all
 * @property {Going} [going]
 * @property {(inner: Sink) => Sink} [through]  what the bytes pass on their way
 * @property {boolean} [isChosen]  the person chooses the place
 */

const STAY = mark('Keep this page open until it is saved.');
const SAFE = mark(
  'Nothing is lost: what you bought stays yours, and you can try again as often as you like.',
);
const GONE = new Set([400, 404, 410, 416]);

/** @param {Sealed} sealed */
export function reading({ header, rows, contentKey, read, distrust, broke, stallMs }) {
  return {
    ...{ header, rows, contentKey, read },
    ...(distrust ? { distrust } : {}),
    ...(broke ? { broke } : {}),
    ...(stallMs ? { stallMs } : {}),
    spawn: () => spawn('open'),
    workers: workerCount(),
    pause: async (/** @type {number} */ attempt, /** @type {AbortSignal} */ signal) => {
      await wait(delayMs(attempt), signal);
      await untilOnline(signal);
    },
  };
}

export class Saver {
  #root;
  #sealed;
  #onRunning;
  #awake = keepAwake();
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {HTMLElement} root  with the slots of the `saving` template
   * @param {Sealed} sealed
   * @param {(isRunning: boolean) => void} onRunning  when one begins, and when it is over
   */
  constructor(root, sealed, onRunning) {
    this.#root = root;
    this.#sealed = sealed;
    this.#onRunning = onRunning;
    action(root, 'cancel').addEventListener('click', () => this.stop());
  }

  /** Ends a transfer that runs; nothing of it stays behind. */
  stop() {
    this.#running?.abort(new sinks.Cancelled());
  }

  /**
   * To be called straight from a click: a file dialog opens only then.
   * @param {Job} job
   * @returns {Promise<boolean>} whether it is saved, whole
   */
  async save(job) {
    if (this.#running) return false;
    const running = new AbortController();
    this.#running = running;
    problem.hide(slot(this.#root, 'problem'));
    slot(this.#root, 'saved').hidden = true;
    try {
      const { sink, isChosen } = await opened(job);
      this.#show(job.name);
      const download = new Download({
        ...reading(this.#sealed),
        sink: job.through ? job.through(sink) : sink,
        ...(job.range ? { range: job.range } : {}),
        begun: job.going?.from ?? 0,
        tell: (progress) => this.#tell(progress),
        signal: running.signal,
      });
      await download.run(job.name);
      slot(this.#root, 'saved-said').textContent = isChosen
        ? t('Saved where you chose, and every byte checked.')
        : t('Saved to your downloads, and every byte checked.');
      this.#show('');
      slot(this.#root, 'saved').hidden = false;
      return true;
    } catch (error) {
      this.#show('');
      if (!(error instanceof sinks.Cancelled)) this.fail(error, job.through ? 'file' : 'segment');
      return false;
    } finally {
      this.#running = null;
    }
  }

  /**
   * @param {unknown} error
   * @param {Step} step
   */
  fail(error, step) {
    problem.show(slot(this.#root, 'problem'), error, { safe: t(SAFE) });
    if (isObjective(error)) this.#sealed.blame?.(step, error);
  }

  /** @param {string} name  of what runs; '' when it is over */
  #show(name) {
    const isRunning = name !== '';
    slot(this.#root, 'progress').hidden = !isRunning;
    slot(this.#root, 'hint').textContent = isRunning ? t(STAY) : this.#sealed.hint;
    slot(this.#root, 'current').textContent = name;
    slot(this.#root, 'said').textContent = t('Opening and saving');
    this.#awake(isRunning);
    if (isRunning) addEventListener('beforeunload', stay);
    else removeEventListener('beforeunload', stay);
    this.#onRunning(isRunning);
  }

  /** @param {Progress} progress */
  #tell({ done, total, bytesPerSecond, secondsLeft, trouble }) {
    const bar = /** @type {HTMLProgressElement} */ (one(this.#root, 'progress'));
    // Full only once the file is whole and in its place.
    bar.value = total > 0 ? Math.min(999, (1000 * done) / total) : 0;
    const parts = [
      t('Opening and saving · {progress}', { progress: format.progress(done, total) }),
    ];
    if (done === total) parts[0] = t('Finishing: the browser puts the file in its place');
    else if (trouble) parts.push(trouble);
    else {
      if (bytesPerSecond > 0) parts.push(format.rate(bytesPerSecond));
      if (secondsLeft !== null) {
        parts.push(t('{time} left', { time: format.duration(secondsLeft) }));
      }
    }
    slot(this.#root, 'said').textContent = parts.join(' · ');
  }
}

/**
 * @param {Job} job
 * @returns {Promise<{sink: Sink, isChosen: boolean}>}
 */
async function opened(job) {
  const isLarge = job.size > sinks.DIALOG_BYTES && !job.going?.from;
  const isChosen = 'showSaveFilePicker' in window && (job.isChosen || isLarge);
  return { sink: isChosen ? await sinks.pick(job.name) : await quietSink(job), isChosen };
}

/**
 * Whether what was bought is at fault: bytes that are not those that were sold, or that no copy has.
 * A store that cannot be reached now is no fault of it.
 * @param {unknown} error
 */
export function isObjective(error) {
  if (!(error instanceof Error) || !('code' in error)) return false;
  const codes = ['damaged', 'truncated', 'forged', 'bad_directory', 'wrong_key', 'copies_damaged'];
  const isGone = 'status' in error && GONE.has(Number(error.status));
  return codes.includes(String(error.code)) || (error.code === 'store_unreadable' && isGone);
}

/** @param {BeforeUnloadEvent} event */
function stay(event) {
  event.preventDefault();
}
