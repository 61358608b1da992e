/**
 * The files of a bundle on their way to a sink: one alone, or all as a zip archive that is made
 * while they come. What the directory says of each file is checked before its last byte is let go.
 * @module
 */
import { directorySize, LENGTH_SIZE, parseDirectory } from '../crypto/directory.js';
import { BadDirectory, Forged } from '../crypto/errors.js';
import { Download } from './download.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Entry } from '../crypto/directory.js'
 * @import { Facts } from './download.js'
 * @import { Sink } from './sinks.js'
 */

/** Enough for a few hundred files: most directories come with the first request. */
const GUESS_BYTES = 128 * 1024;

/**
 * @param {Omit<Facts, 'sink' | 'range' | 'begun' | 'tell'>} sealed
 * @returns {Promise<Entry[]>}
 * @throws {import('../crypto/errors.js').KimError} BadDirectory, and what a download throws
 */
export async function readDirectory(sealed) {
  const { payloadSize } = sealed.header;
  if (payloadSize < LENGTH_SIZE) throw new BadDirectory('there is no room for a directory');
  const start = Math.max(0, payloadSize - GUESS_BYTES);
  const tail = await readRange(sealed, start, payloadSize);
  const end = tail.length - LENGTH_SIZE;
  const size = directorySize(tail.subarray(end), payloadSize);
  const from = payloadSize - LENGTH_SIZE - size;
  const bytes =
    from >= start
      ? tail.subarray(from - start, end)
      : await readRange(sealed, from, payloadSize - LENGTH_SIZE);
  return parseDirectory(bytes, payloadSize);
}

/**
 * @param {Omit<Facts, 'sink' | 'range' | 'begun' | 'tell'>} sealed
 * @param {number} from  byte of the payload
 * @param {number} to    exclusive
 * @returns {Promise<Bytes>}
 */
async function readRange(sealed, from, to) {
  const bytes = new Uint8Array(to - from);
  let at = 0;
  /** @type {Sink} */
  const sink = {
    async write({ buffer, offset, size }) {
      bytes.set(new Uint8Array(buffer, offset, size), at);
      at += size;
      return buffer;
    },
    finish: async () => undefined,
    discard: async () => undefined,
  };
  await new Download({ ...sealed, sink, range: { from, to } }).run('');
  return bytes;
}

/**
 * @param {Sink} inner  where the file or the archive goes
 * @param {ReadonlyArray<Entry>} entries  one after another in the payload
 * @param {{isZip: boolean, spawn: () => Worker}} how  spawn: of worker/bundle.js
 * @returns {Sink} that takes the bytes of these files
 */
export function bundleSink(inner, entries, { isZip, spawn }) {
  const line = new Questions(spawn());
  /** @type {Promise<unknown> | null} */
  let begun = null;
  const begin = () => (begun ??= line.ask({ type: 'begin', entries, isZip }));
  return {
    async write({ buffer, offset, size }) {
      await begin();
      const passed = await line.ask({ type: 'piece', buffer, offset, size }, [buffer]);
      if (!passed.out) return await inner.write({ buffer: passed.buffer, offset, size });
      if (passed.outSize > 0) {
        await inner.write({ buffer: passed.out, offset: 0, size: passed.outSize });
      }
      return passed.buffer;
    },
    async finish(name) {
      await begin();
      const ended = await line.ask({ type: 'end' });
      line.close();
      if (ended.outSize > 0) {
        await inner.write({ buffer: ended.out, offset: 0, size: ended.outSize });
      }
      await inner.finish(name);
    },
    async discard(reason) {
      line.close();
      await inner.discard(reason);
    },
  };
}

/** One worker, one question at a time. */
class Questions {
  #worker;
  /** @type {{resolve: (said: any) => void, reject: (error: Error) => void} | null} */
  #waiting = null;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      if (data.type === 'failed') this.#waiting?.reject(typed(data));
      else this.#waiting?.resolve(data);
    };
    worker.onerror = (event) => this.#waiting?.reject(new Error(event.message));
  }

  /**
   * @param {Record<string, unknown>} work
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  ask(work, transfer = []) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage({ ...work, job: 1 }, transfer);
    });
  }

  close() {
    this.#worker.terminate();
    this.#waiting?.reject(new Error('stopped'));
  }
}

/** @param {{code: string, message: string}} failed */
function typed({ code, message }) {
  return code === 'forged' ? new Forged(message) : new Error(message);
}
