/**
 * The places that this browser has for a file: what io/ knows to do, with this page's own workers.
 * @module
 */
import { diskRoom, diskSink } from '../io/disk.js';
import { canServe, serviceSink } from '../io/served.js';
import * as sinks from '../io/sinks.js';
import { spillRoom, spillSink } from '../io/spill.js';
import { t } from '../texts/say.js';
import * as format from '../ui/format.js';
import { register, spawn } from '../ui/trusted.js';

/**
 * @import { Going } from '../io/disk.js'
 * @import { Kind, Means, Sink } from '../io/sinks.js'
 *
 * @typedef {object} Wish
 * @property {string} name
 * @property {number} size     bytes that will be written, exactly
 * @property {Going} [going]   where it may be gone on with after a reload
 */

/** @returns {Promise<Means>} found out by doing */
export async function means() {
  const [service, diskBytes, spillBytes] = await Promise.all([
    canServe(register),
    diskRoom(),
    spillRoom(),
  ]);
  const picker = 'showSaveFilePicker' in window;
  return { picker, service, diskBytes, spillBytes, memoryBytes: sinks.memoryRoom() };
}

/**
 * The first of the quiet places that takes this file.
 * @param {Wish} wish
 * @returns {Promise<Sink>}
 * @throws {sinks.CannotSave}
 */
export async function quietSink(wish) {
  const found = { ...(await means()), picker: false };
  /** @type {Kind[]} */
  const kinds = wish.going?.from ? ['disk'] : sinks.ladder(found, wish.size);
  /** @type {unknown} */
  let refusal = null;
  for (const kind of kinds) {
    try {
      return await open(kind, wish);
    } catch (error) {
      if (!(error instanceof sinks.CannotSave)) throw error;
      refusal ??= error;
    }
  }
  const most = format.bytes(sinks.largest(found), 2);
  throw (
    refusal ??
    new sinks.CannotSave(t('This browser can save files of up to {most} here.', { most }))
  );
}

/**
 * @param {Kind} kind
 * @param {Wish} wish
 * @returns {Promise<Sink>}
 */
async function open(kind, { name, size, going }) {
  if (kind === 'service') return serviceSink(name, size, register);
  if (kind === 'disk') return diskSink(() => spawn('disk'), going);
  if (kind === 'spill') return spillSink();
  return sinks.memorySink();
}
