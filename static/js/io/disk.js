/**
 * The sink in this origin's private file system: written by a worker in place, handed over as a
 * download at the end. A file that is written here is no download yet, so a half of one is never
 * mistaken for a whole.
 * @module
 */
import { CannotSave, guarded, handOver } from './sinks.js';

/** @import { Sink } from './sinks.js' */

const PREFIX = 'kim-save-';
const CLOSE_MS = 2_000;
const STALE_MS = 30 * 60_000;
const NOTED_BYTES = 8 * 2 ** 20;

/**
 * @typedef {object} Going  a file that may be gone on with after a reload
 * @property {string} file   its name in the private file system
 * @property {number} from   bytes of it that are there and good; what lies behind them is cut off
 * @property {(bytes: number) => Promise<void>} note  so many bytes are on the disk now
 * @property {(reason: unknown) => boolean} isWorthKeeping  why it was not finished
 * @property {() => Promise<void>} forget
 */

/** @returns {string} a name that nobody has yet */
export function newFile() {
  return PREFIX + crypto.randomUUID();
}

/**
 * @param {() => Worker} spawn  of worker/disk.js
 * @param {Going} [going]
 * @returns {Promise<Sink>}
 * @throws {CannotSave}
 */
export async function diskSink(spawn, going) {
  const name = going?.file ?? newFile();
  const line = new Line(spawn());
  let position = going?.from ?? 0;
  let noted = position;
  try {
    await line.ask({ type: 'open', name, from: position });
  } catch (error) {
    line.close();
    throw new CannotSave('This browser does not let the page keep files.', error);
  }
  return {
    async write({ buffer, offset, size }) {
      const work = { type: 'write', position, buffer, offset, size };
      const done = await guarded(() => line.ask(work, [buffer]));
      position += size;
      if (going && position - noted >= NOTED_BYTES) {
        noted = position;
        await guarded(() => line.ask({ type: 'flush' }));
        await going.note(position);
      }
      return done.buffer;
    },
    async finish(fileName) {
      await guarded(() => line.ask({ type: 'close' }));
      line.close();
      const root = await navigator.storage.getDirectory();
      const file = await (await root.getFileHandle(name)).getFile();
      if (file.size !== position) throw new CannotSave('The browser lost a part of the file.');
      handOver(file, fileName);
      await going?.forget();
    },
    async discard(reason) {
      // A worker that is ended keeps its handle for a moment, and a file that is held stays.
      const isClosed = await Promise.race([line.ask({ type: 'close' }).then(() => true), soon()]);
      line.close();
      if (going && isClosed && going.isWorthKeeping(reason)) {
        await going.note(position);
        return;
      }
      await going?.forget();
      await removeFile(name);
    },
  };
}

/** @returns {Promise<number>} bytes the private file system can take; 0 where there is none */
export async function diskRoom() {
  try {
    const root = await navigator.storage.getDirectory();
    const probe = `${PREFIX}probe`;
    await root.getFileHandle(probe, { create: true });
    await root.removeEntry(probe);
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    return Math.max(0, quota - usage);
  } catch {
    return 0;
  }
}

/**
 * @param {string} name
 * @returns {Promise<number>} bytes that lie there; -1 if it is gone
 */
export async function sizeOf(name) {
  try {
    const root = await navigator.storage.getDirectory();
    return (await (await root.getFileHandle(name)).getFile()).size;
  } catch {
    return -1;
  }
}

/**
 * Files handed over earlier are removed once the browser has had time to copy them.
 * @param {ReadonlySet<string>} kept  names of files that somebody may go on with
 */
export async function sweepDisk(kept) {
  try {
    const root = /** @type {any} */ (await navigator.storage.getDirectory());
    for await (const [name, handle] of root.entries()) {
      if (!name.startsWith(PREFIX) || kept.has(name)) continue;
      const file = await handle.getFile().catch(() => null);
      if (!file || Date.now() - file.lastModified > STALE_MS) await removeFile(name);
    }
  } catch {
    // No private file system here: nothing to sweep.
  }
}

/** @param {string} name */
export async function removeFile(name) {
  try {
    const root = await navigator.storage.getDirectory();
    await root.removeEntry(name);
  } catch {
    // Gone already, or held for a moment longer: the next sweep takes it.
  }
}

/** @returns {Promise<false>} */
function soon() {
  return new Promise((resolve) => setTimeout(() => resolve(false), CLOSE_MS));
}

/** One worker, asked one thing after another; answers come in the order of the questions. */
class Line {
  #worker;
  #last = 0;
  /** @type {Map<number | null, {resolve: (said: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      const job = data.type === 'opened' ? 0 : (data.job ?? 0);
      const waiting = this.#waiting.get(job);
      this.#waiting.delete(job);
      if (data.type === 'failed') waiting?.reject(new Error(data.message));
      else waiting?.resolve(data);
    };
    worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message));
      this.#waiting.clear();
    };
  }

  /**
   * @param {Record<string, unknown>} work
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  ask(work, transfer = []) {
    const job = work['type'] === 'open' ? 0 : (this.#last += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, { resolve, reject });
      this.#worker.postMessage({ ...work, job }, transfer);
    });
  }

  close() {
    this.#worker.terminate();
  }
}
