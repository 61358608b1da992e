/**
 * Where decrypted bytes go. Each sink is found to work by trying it, never by the browser's name:
 *
 * - `picker`: a file the person chose; bytes go straight to it;
 * - `service`: a download of the browser's own, fed through the service worker (served.js);
 * - `disk`: this origin's private file system, handed over as a download at the end (disk.js);
 * - `spill`: IndexedDB, handed over the same way (spill.js);
 * - `memory`: a Blob, for small files where nothing else works.
 *
 * A sink takes whole authenticated pieces in order (`write`), and either `finish`es or is
 * `discard`ed: a half-written file never stays behind looking like a whole one.
 * @module
 */

/** Beyond this, a file dialog comes first where there is one: no second copy on the disk. */
export const DIALOG_BYTES = 500_000_000;
/** Beyond this the private file system comes before the stream: it can be gone on with. */
const LARGE_BYTES = 2_000_000_000;
const MEMORY_BYTES = 500_000_000;
const MEMORY_BYTES_PHONE = 100_000_000;
/** File systems keep a little for themselves; a file that exactly fits does not. */
const ROOM = 1.02;
const FULL = 'the disk is full';

/**
 * @typedef {object} Sink
 * @property {(piece: {buffer: ArrayBuffer, offset: number, size: number}) => Promise<ArrayBuffer>}
 *   write  gives the buffer back, or another one as large
 * @property {(name: string) => Promise<void>} finish  the file is the person's from here on
 * @property {(reason?: unknown) => Promise<void>} discard  reason: why it was not finished
 *
 * @typedef {'picker' | 'service' | 'disk' | 'spill' | 'memory'} Kind
 *
 * @typedef {object} Means  what this browser can do; found out before anything is paid
 * @property {boolean} picker
 * @property {boolean} service
 * @property {number} diskBytes    0: no private file system here
 * @property {number} spillBytes   0: no IndexedDB that keeps Blobs
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

/** @returns {number} bytes a Blob may have here */
export function memoryRoom() {
  return matchMedia('(pointer: coarse)').matches ? MEMORY_BYTES_PHONE : MEMORY_BYTES;
}

/**
 * @param {Means} found
 * @returns {number} bytes of the largest file that can be saved here
 */
export function largest({ picker, service, diskBytes, spillBytes, memoryBytes }) {
  if (picker || service) return Infinity;
  return Math.max(diskBytes / ROOM, spillBytes / ROOM, memoryBytes);
}

/**
 * @param {Means} found
 * @param {number} sizeBytes
 * @returns {Kind[]} the sinks to try, best first; [] if there is none for this size
 */
export function ladder({ picker, service, diskBytes, spillBytes, memoryBytes }, sizeBytes) {
  const isOnDisk = sizeBytes * ROOM <= diskBytes;
  const isLarge = sizeBytes > LARGE_BYTES && 2 * sizeBytes <= diskBytes;
  /** @type {[Kind, boolean][]} */
  const rungs = [
    ['picker', picker && sizeBytes > DIALOG_BYTES],
    ['disk', isOnDisk && isLarge],
    ['service', service],
    ['disk', isOnDisk && !isLarge],
    ['spill', sizeBytes * ROOM <= spillBytes],
    ['memory', sizeBytes <= memoryBytes],
    ['picker', picker && sizeBytes <= DIALOG_BYTES],
  ];
  return rungs.filter(([, isFit]) => isFit).map(([kind]) => kind);
}

/**
 * @param {Means} found
 * @param {number} sizeBytes
 * @returns {Kind | null}
 */
export function choose(found, sizeBytes) {
  return ladder(found, sizeBytes)[0] ?? null;
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

/** @param {Blob} blob @param {string} name */
export function handOver(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads from the URL for as long as it copies; the page's end frees it.
}

/**
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {CannotSave}
 */
export async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isQuota = error instanceof DOMException && error.name === 'QuotaExceededError';
    const isFull = isQuota || message === FULL;
    throw new CannotSave(isFull ? 'The disk is full.' : `Saving failed: ${message}.`, error);
  }
}
