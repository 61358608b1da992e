/**
 * Fingerprints of what is being sent: taken while it goes, compared before it goes on.
 * @module
 */
import { KimError } from '../crypto/errors.js';
import { Marker } from '../io/marks.js';
import { firstChanged, marksByPlace } from '../io/reconciling.js';
import * as unfinished from '../io/unfinished.js';
import * as format from '../ui/format.js';
import { spawn } from '../ui/trusted.js';
import { t } from '../texts/say.js';
import { listed } from './sealing.js';

/**
 * @import { Selection } from '../io/selection.js'
 * @import { MarkRow, UploadRow } from '../io/unfinished.js'
 */

/** The fingerprints of one upload. */
export class Marking {
  #row;
  #selection;
  /** @type {Map<number, MarkRow>} */
  #known;
  #marker = new Marker(spawn('mark'));
  #keeper = new unfinished.Keeper(unfinished.keepMarks);
  /** @type {Promise<string[]> | null} */
  #hashes = null;

  /**
   * @param {UploadRow} row
   * @param {Selection} selection
   * @param {MarkRow[]} known  of an earlier visit
   */
  constructor(row, selection, known) {
    this.#row = row;
    this.#selection = selection;
    this.#known = marksByPlace(known);
  }

  /** @param {number} at */
  isKnown(at) {
    return this.#known.has(at);
  }

  /**
   * Whether these are still the files that the upload began with. Reads at most 3 MiB of each.
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   * @throws {KimError} `file_changed`
   */
  async compare(signal) {
    const now = this.#selection.items.map(listed);
    const changed = firstChanged(this.#row.files, now);
    if (changed >= 0) throw this.#changed(changed);
    if (this.#row.isBundle) {
      const at = now.findIndex(({ path }, place) => path !== this.#row.files[place]?.path);
      if (at >= 0) throw this.#changed(at);
    }
    for (const [at, { sample }] of this.#known) {
      signal.throwIfAborted();
      const item = this.#selection.items[at];
      if (!item) throw this.#changed(at);
      const mark = await this.#marker.mark(item.file, { isWhole: false });
      if (mark.sample !== sample) throw this.#changed(at);
    }
  }

  /** Marks what is not marked yet, beside the upload. A failure tells itself in hashes(). */
  begin() {
    this.#hashes ??= this.#markAll();
    this.#hashes.catch(() => undefined);
  }

  /** @returns {Promise<string[]>} SHA-256 of every file of a bundle, in order */
  hashes() {
    this.begin();
    return /** @type {Promise<string[]>} */ (this.#hashes);
  }

  flushed() {
    return this.#keeper.flushed();
  }

  close() {
    this.#marker.close();
  }

  async #markAll() {
    const { items, isBundle } = this.#selection;
    const { uploadId } = this.#row;
    // The small samples first: what is not marked would have to be sent again after a crash.
    for (const [at, { file }] of items.entries()) {
      if (this.#known.has(at)) continue;
      const mark = await this.#marker.mark(file, { isWhole: isBundle && file.size <= SMALL });
      this.#note({ uploadId, at, ...mark });
    }
    for (const [at, { file }] of isBundle ? items.entries() : []) {
      if (this.#known.get(at)?.sha256) continue;
      this.#note({ uploadId, at, ...(await this.#marker.mark(file, { isWhole: true })) });
    }
    return items.map((_, at) => this.#known.get(at)?.sha256 ?? '');
  }

  /** @param {MarkRow} mark */
  #note(mark) {
    this.#known.set(mark.at, mark);
    this.#keeper.note(mark);
  }

  /** @param {number} at */
  #changed(at) {
    const began = this.#row.files[at];
    const now = this.#selection.items[at];
    const before = began
      ? named(this.#row.isBundle ? began.path : this.#row.name, began.size)
      : t('no such file');
    const values = {
      before,
      now: now ? named(now.path, now.file.size) : t('nothing in its place'),
    };
    return new KimError(
      'file_changed',
      t('Choose the very same one, unchanged; or forget this upload and start anew.'),
      t('This is not the file you began with. You began with {before}; this is {now}.', values),
    );
  }
}

const SMALL = 3 * 2 ** 20;

/**
 * @param {string} name
 * @param {number} size
 */
function named(name, size) {
  const values = { name: `\u2068${name}\u2069`, size: format.bytes(size), bytes: size };
  return t('“{name}” ({size}, {bytes} bytes)', values);
}
