/**
 * The last step, wherever the sealed bytes come from: one button, then bytes, rate and time left,
 * and the file on this device, or a plain word why not.
 * @module
 */
import { Download } from '../io/download.js';
import { workerCount } from '../io/pool.js';
import * as sinks from '../io/sinks.js';
import { safeName } from '../io/unlocking.js';
import { delayMs, untilOnline, wait } from '../net/backoff.js';
import { action, fromTemplate, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { spawn } from '../ui/trusted.js';
import { keepAwake } from './wake.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { Progress } from '../io/download.js'
 * @import { Sink } from '../io/sinks.js'
 */

/**
 * @typedef {object} Sealed
 * @property {Header} header
 * @property {Bytes} rows
 * @property {Bytes} contentKey  M
 * @property {string} name       as the creator wrote it
 * @property {string} hint       what the button does, in a sentence
 * @property {(from: number, to: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>}
 *   read
 */

const FOLDER =
  'This is a folder of several files, which this page cannot unpack yet. Save the licence and the sealed file: the Python unlocker opens it.';
const STAY = 'Keep this page open until it is saved.';
const SAFE = 'Nothing is lost: the file stays yours, and you can try again as often as you like.';

export class Saving {
  #root;
  #sealed;
  #name;
  #awake = keepAwake();
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {HTMLElement} place
   * @param {Sealed} sealed
   */
  constructor(place, sealed) {
    place.replaceChildren(fromTemplate('saving'));
    this.#root = one(place, '.saving');
    this.#sealed = sealed;
    this.#name = safeName(sealed.name);
    const { header } = sealed;
    slot(this.#root, 'name').textContent = this.#name;
    slot(this.#root, 'size').textContent = format.bytes(header.payloadSize);
    slot(this.#root, 'hint').textContent = header.isBundle ? FOLDER : sealed.hint;
    slot(this.#root, 'choices').hidden = header.isBundle;
    if (header.isBundle) return;
    action(this.#root, 'save').addEventListener('click', () => void this.#save());
    action(this.#root, 'cancel').addEventListener('click', () =>
      this.#running?.abort(new sinks.Cancelled()),
    );
    const saveAs = action(this.#root, 'save-as');
    saveAs.hidden = !('showSaveFilePicker' in window);
    saveAs.addEventListener('click', () => void this.#run(() => sinks.pick(this.#name), true));
  }

  /** Ends a transfer that runs; nothing of it stays behind. */
  stop() {
    this.#running?.abort(new sinks.Cancelled());
  }

  async #save() {
    const size = this.#sealed.header.payloadSize;
    // Without waiting: a file dialog opens only straight from the click.
    if (size > sinks.DIALOG_BYTES && 'showSaveFilePicker' in window) {
      await this.#run(() => sinks.pick(this.#name), true);
    } else {
      await this.#run(() => quietSink(size), false);
    }
  }

  /**
   * @param {() => Promise<Sink>} openSink
   * @param {boolean} isChosen  the person chose the place
   */
  async #run(openSink, isChosen) {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    problem.hide(slot(this.#root, 'problem'));
    try {
      const sink = await openSink();
      this.#show('running');
      const { header, rows, contentKey, read } = this.#sealed;
      const download = new Download({
        ...{ header, rows, contentKey, sink, read },
        spawn: () => spawn('open'),
        workers: workerCount(),
        pause: async (attempt, signal) => {
          await wait(delayMs(attempt), signal);
          await untilOnline(signal);
        },
        tell: (progress) => this.#tell(progress),
        signal: running.signal,
      });
      await download.run(this.#name);
      slot(this.#root, 'saved-said').textContent = isChosen
        ? 'Saved where you chose, and every byte checked.'
        : 'Saved to your downloads, and every byte checked.';
      this.#show('saved');
    } catch (error) {
      this.#show('idle');
      if (!(error instanceof sinks.Cancelled)) {
        problem.show(slot(this.#root, 'problem'), error, { safe: SAFE });
      }
    } finally {
      this.#running = null;
    }
  }

  /** @param {'idle' | 'running' | 'saved'} state */
  #show(state) {
    this.#root.dataset['state'] = state;
    const isRunning = state === 'running';
    slot(this.#root, 'progress').hidden = !isRunning;
    slot(this.#root, 'choices').hidden = isRunning;
    slot(this.#root, 'saved').hidden = state !== 'saved';
    slot(this.#root, 'hint').hidden = state === 'saved';
    slot(this.#root, 'hint').textContent = isRunning ? STAY : this.#sealed.hint;
    if (state === 'saved') {
      const save = action(this.#root, 'save');
      save.textContent = 'Save again';
      save.className = 'plain';
    }
    this.#awake(isRunning);
    if (isRunning) addEventListener('beforeunload', stay);
    else removeEventListener('beforeunload', stay);
  }

  /** @param {Progress} progress */
  #tell({ done, total, bytesPerSecond, secondsLeft, trouble }) {
    const bar = /** @type {HTMLProgressElement} */ (one(this.#root, 'progress'));
    // Full only once the file is whole and in its place.
    bar.value = total > 0 ? Math.min(999, (1000 * done) / total) : 0;
    const parts = [`Opening and saving · ${format.progress(done, total)}`];
    if (done === total) parts[0] = 'Finishing: the browser puts the file in its place';
    else if (trouble) parts.push(trouble);
    else {
      if (bytesPerSecond > 0) parts.push(format.rate(bytesPerSecond));
      if (secondsLeft !== null) parts.push(`${format.duration(secondsLeft)} left`);
    }
    slot(this.#root, 'said').textContent = parts.join(' · ');
  }
}

/**
 * The first of the quiet places that takes a file of this size.
 * @param {number} size
 * @returns {Promise<Sink>}
 */
async function quietSink(size) {
  const found = { ...(await sinks.means()), picker: false };
  const kind = sinks.choose(found, size);
  if (kind === 'memory') return sinks.memorySink();
  if (kind === 'disk') {
    try {
      return await sinks.diskSink(() => spawn('disk'));
    } catch (error) {
      if (size <= found.memoryBytes) return sinks.memorySink();
      throw error;
    }
  }
  const most = format.bytes(sinks.largest(found), 2);
  throw new sinks.CannotSave(`This browser can save files of up to ${most} here.`);
}

/** @param {BeforeUnloadEvent} event */
function stay(event) {
  event.preventDefault();
}
