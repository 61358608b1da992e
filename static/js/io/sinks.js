/**
 * Where decrypted bytes go. Each sink is found to work by trying it, never by the browser's name:
 *
 * - `picker`: a file the person chose; bytes go straight to it;
 * - `disk`: this origin's private file system, handed over as a download at the end;
 * - `memory`: a Blob, for small files where nothing else works.
 *
 * A sink takes whole authenticated pieces in order (`write`), and either `finish`es or is
 * `discard`ed: a half-written file never stays behind looking like a whole one.
 * @module
 */

/** Beyond this, a file dialog comes first where there is one: no second copy on the disk. */
export const DIALOG_BYTES = 500_000_000;
const MEMORY_BYTES = 500_000_000;
const MEMORY_BYTES_PHONE = 100_000_000;
const PREFIX = 'kim-save-';
const CLOSE_MS = 2_000;
const STALE_MS = 30 * 60_000;
/** File systems keep a little for themselves; a file that exactly fits does not. */
const ROOM = 1.02;

/**
 * @typedef {object} Sink
 * @property {(piece: {buffer: ArrayBuffer, offset: number, size: number}) => Promise<ArrayBuffer>}
 *   write  gives the buffer back
 * @property {(name: string) => Promise<void>} finish  the file is the person's from here on
 * @property {() => Promise<void>} discard
 *
 * @typedef {object} Means  what this browser can do; found out once, before anything is paid
 * @property {boolean} picker
 * @property {number} diskBytes    0: no private file system here
 * @property {number} memoryBytes
 */

/** The person closed the file dialog: nothing happened, and nothing should. */
export class Cancelled extends Error {
  constructor() {
    super('Nothing was saved.');
    this.name = 'Cancelled';
    this.code = 'cancelled';
  }
}

/** The bytes have nowhere to go. */
export class CannotSave extends Error {
  /** @param {string} message @param {unknown} [cause] */
  constructor(message, cause) {
    super(message, { cause });
    this.name = 'CannotSave';
    this.code = 'cannot_save';
    this.hint = 'Make room, or open your return link in another browser. It is still yours.';
  }
}

/** @returns {Promise<Means>} */
export async function means() {
  const isPhone = matchMedia('(pointer: coarse)').matches;
  return {
    picker: 'showSaveFilePicker' in window,
    diskBytes: await diskRoom(),
    memoryBytes: isPhone ? MEMORY_BYTES_PHONE : MEMORY_BYTES,
  };
}

/**
 * @param {Means} found
 * @returns {number} bytes of the largest file that can be saved here
 */
export function largest({ picker, diskBytes, memoryBytes }) {
  return picker ? Infinity : Math.max(diskBytes / ROOM, memoryBytes);
}

/**
 * @param {Means} found
 * @param {number} sizeBytes
 * @returns {'picker' | 'disk' | 'memory' | null}
 */
export function choose({ picker, diskBytes, memoryBytes }, sizeBytes) {
  const onDisk = sizeBytes * ROOM <= diskBytes;
  if (sizeBytes > DIALOG_BYTES && picker) return 'picker';
  if (onDisk) return 'disk';
  if (sizeBytes <= memoryBytes) return 'memory';
  return picker ? 'picker' : null;
}

/**
 * Must be called from the click itself: browsers show the dialog only then.
 * @param {string} name
 * @returns {Promise<Sink>}
 * @throws {Cancelled}
 */
export async function pick(name) {
  /** @type {any} */
  let handle;
  try {
    handle = await /** @type {any} */ (window).showSaveFilePicker({ suggestedName: name });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw new Cancelled();
    throw new CannotSave('The file could not be opened for writing.', error);
  }
  return fileSink(handle);
}

/**
 * @param {any} handle  FileSystemFileHandle
 * @returns {Promise<Sink>}
 */
export async function fileSink(handle) {
  const writable = await handle.createWritable();
  let position = 0;
  return {
    async write({ buffer, offset, size }) {
      const data = new Uint8Array(buffer, offset, size);
      await guarded(() => writable.write({ type: 'write', position, data }));
      position += size;
      return buffer;
    },
    finish: () => guarded(() => writable.close()),
    // An aborted writable leaves the file as it was; a picker made it empty, so it is removed.
    async discard() {
      await writable.abort().catch(() => {});
      await handle.remove?.().catch(() => {});
    },
  };
}

/**
 * @param {() => Worker} spawn  of worker/disk.js
 * @returns {Promise<Sink>}
 */
export async function diskSink(spawn) {
  const name = PREFIX + crypto.randomUUID();
  const line = new Line(spawn());
  let position = 0;
  try {
    await line.ask({ type: 'open', name });
  } catch (error) {
    line.close();
    throw new CannotSave('This browser does not let the page keep files.', error);
  }
  return {
    async write({ buffer, offset, size }) {
      const work = { type: 'write', position, buffer, offset, size };
      position += size;
      const done = await guarded(() => line.ask(work, [buffer]));
      return done.buffer;
    },
    async finish(fileName) {
      await guarded(() => line.ask({ type: 'close' }));
      line.close();
      const root = await navigator.storage.getDirectory();
      const file = await (await root.getFileHandle(name)).getFile();
      handOver(file, fileName);
    },
    async discard() {
      // A worker that is ended keeps its handle for a moment, and a file that is held stays.
      await Promise.race([line.ask({ type: 'close' }), soon()]).catch(() => {});
      line.close();
      await removeFile(name);
    },
  };
}

/** @returns {Sink} */
export function memorySink() {
  /** @type {Blob[]} */
  let pieces = [];
  return {
    async write({ buffer, offset, size }) {
      pieces.push(new Blob([new Uint8Array(buffer, offset, size)]));
      return buffer;
    },
    async finish(name) {
      handOver(new Blob(pieces, { type: 'application/octet-stream' }), name);
      pieces = [];
    },
    async discard() {
      pieces = [];
    },
  };
}

/**
 * Files handed over earlier are removed once the browser has had time to copy them.
 * @returns {Promise<void>}
 */
export async function sweep() {
  try {
    const root = /** @type {any} */ (await navigator.storage.getDirectory());
    for await (const [name, handle] of root.entries()) {
      if (!name.startsWith(PREFIX)) continue;
      const file = await handle.getFile().catch(() => null);
      if (!file || Date.now() - file.lastModified > STALE_MS) await removeFile(name);
    }
  } catch {
    // No private file system here: nothing to sweep.
  }
}

/** @param {Blob} blob @param {string} name */
function handOver(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads from the URL for as long as it copies; the page's end frees it.
}

/** @returns {Promise<void>} */
function soon() {
  return new Promise((resolve) => setTimeout(resolve, CLOSE_MS));
}

/** @param {string} name */
async function removeFile(name) {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(name).catch(() => {});
}

/** @returns {Promise<number>} bytes the private file system can take; 0 where there is none */
async function diskRoom() {
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
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {CannotSave}
 */
async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
    const message = error instanceof Error ? error.message : String(error);
    throw new CannotSave(isFull ? 'The disk is full.' : `Saving failed: ${message}.`, error);
  }
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
