/**
 * The place files are dropped on. Click, keyboard and drop all reach the same file input; folders
 * come by drop or through an input of their own.
 * @module
 */
import { mark, t } from '../texts/say.js';
import { one } from './dom.js';

/**
 * @typedef {{path: string, file: File}} Item
 * @typedef {{items: Item[], emptyFolders: number, handles: any[]}} Dropped
 */

const SEVERAL = mark('One file at a time: put several into a ZIP first.');

/**
 * @param {HTMLElement} zone
 * @param {(file: File) => void} onFile
 * @param {(why: string) => void} onRefused
 */
export function receiveFile(zone, onFile, onRefused) {
  const input = /** @type {HTMLInputElement} */ (one(zone, 'input'));
  listen(input, () => {
    const [file] = chosen(input).items;
    if (file) onFile(file.file);
  });
  catchDrops(zone, (data) => {
    const isFolder = data.items[0]?.webkitGetAsEntry?.()?.isDirectory === true;
    const [file] = data.files;
    if (data.files.length > 1 || isFolder) onRefused(t(SEVERAL));
    else if (file) onFile(file);
  });
}

/**
 * @param {HTMLElement} zone
 * @param {(files: File[]) => void} onFiles
 */
export function receiveFiles(zone, onFiles) {
  const input = /** @type {HTMLInputElement} */ (one(zone, 'input'));
  listen(input, () => {
    const files = chosen(input).items.map(({ file }) => file);
    if (files.length > 0) onFiles(files);
  });
  catchDrops(zone, (data) => onFiles([...data.files]));
}

/**
 * @param {HTMLElement} zone
 * @param {HTMLInputElement} folderInput  a way to folders without a mouse
 * @param {(dropped: Dropped) => void} onDropped
 * @param {(error: unknown) => void} onFailed  something could not be read
 */
export function receiveAll(zone, folderInput, onDropped, onFailed) {
  const input = /** @type {HTMLInputElement} */ (one(zone, 'input'));
  for (const each of [input, folderInput]) {
    listen(each, () => {
      const dropped = chosen(each);
      if (dropped.items.length > 0) onDropped(dropped);
    });
  }
  input.addEventListener('click', (event) => {
    if (!('showOpenFilePicker' in globalThis)) return;
    event.preventDefault(); // this picker gives handles: a later visit opens the file by itself
    pickFiles().then((dropped) => dropped && onDropped(dropped), onFailed);
  });
  catchDrops(zone, (data) => {
    opened(data).then(onDropped, onFailed);
  });
}

/**
 * @param {HTMLInputElement} input
 * @returns {Dropped} and the input is free for the same choice again
 */
export function chosen(input) {
  const items = [...(input.files ?? [])].map((file) => ({
    path: file.webkitRelativePath || file.name,
    file,
  }));
  input.value = '';
  return { items, emptyFolders: 0, handles: [] };
}

/**
 * What kept handles lead to, after the person allowed it; to be called in a click.
 * @param {any[]} handles
 * @returns {Promise<Dropped | null>} null if it was not allowed, or is gone
 */
export async function reopened(handles) {
  if (handles.length === 0) return null;
  try {
    for (const handle of handles) {
      if ((await handle.requestPermission({ mode: 'read' })) !== 'granted') return null;
    }
    const found = await Promise.all(handles.map((handle) => walkHandle(handle, '')));
    return { items: found.flat(), emptyFolders: 0, handles };
  } catch {
    return null;
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {() => void} take
 */
function listen(input, take) {
  input.addEventListener('change', take);
  // Somebody may have been quicker than these modules; the page's own start comes first.
  queueMicrotask(() => {
    if (input.files?.length) take();
  });
}

/**
 * @param {HTMLElement} zone
 * @param {(data: DataTransfer) => void} onDrop
 */
function catchDrops(zone, onDrop) {
  for (const name of ['dragenter', 'dragover']) {
    zone.addEventListener(name, () => zone.classList.add('over'));
  }
  for (const name of ['dragleave', 'drop']) {
    zone.addEventListener(name, () => zone.classList.remove('over'));
  }
  // A drop beside the zone must not make the browser leave the page and show the file.
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    const data = event.dataTransfer;
    if (!data || data.files.length === 0) return;
    event.preventDefault();
    if (!zone.hidden) onDrop(data);
  });
}

/** @returns {Promise<Dropped | null>} null if the person thought better of it */
async function pickFiles() {
  try {
    const picker = /** @type {any} */ (globalThis).showOpenFilePicker;
    /** @type {any[]} */
    const handles = await picker({ multiple: true });
    const found = await Promise.all(handles.map((handle) => walkHandle(handle, '')));
    return { items: found.flat(), emptyFolders: 0, handles };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    throw error;
  }
}

/**
 * A drop's items are gone after its event, so everything is asked for before the first await.
 * @param {DataTransfer} data
 * @returns {Promise<Dropped>}
 */
async function opened(data) {
  const things = [...data.items].filter((item) => item.kind === 'file');
  const plain = [...data.files].map((file) => ({ path: file.name, file }));
  const entries = things.map((item) => item.webkitGetAsEntry?.() ?? null);
  const asked = things.map((item) => /** @type {any} */ (item).getAsFileSystemHandle?.());
  const handles = (await Promise.all(asked).catch(() => [])).filter(Boolean);
  const kept = handles.length === things.length ? handles : [];
  if (entries.length === 0 || entries.some((entry) => entry === null)) {
    return { items: plain, emptyFolders: 0, handles: kept };
  }
  const count = { emptyFolders: 0 };
  const found = await Promise.all(
    entries.map((entry) => walkEntry(/** @type {FileSystemEntry} */ (entry), '', count)),
  );
  return { items: found.flat(), emptyFolders: count.emptyFolders, handles: kept };
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} folder  '' or a path that ends in "/"
 * @param {{emptyFolders: number}} count
 * @returns {Promise<Item[]>}
 */
async function walkEntry(entry, folder, count) {
  const path = folder + entry.name;
  if (entry.isFile) {
    const only = /** @type {FileSystemFileEntry} */ (entry);
    return [{ path, file: await new Promise((resolve, reject) => only.file(resolve, reject)) }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  for (;;) {
    // It gives a hundred at a time, and none once there are no more.
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    children.push(...some);
  }
  if (children.length === 0) count.emptyFolders += 1;
  const found = await Promise.all(children.map((child) => walkEntry(child, `${path}/`, count)));
  return found.flat();
}

/**
 * @param {any} handle  FileSystemHandle
 * @param {string} folder
 * @returns {Promise<Item[]>}
 */
async function walkHandle(handle, folder) {
  const path = folder + handle.name;
  if (handle.kind === 'file') return [{ path, file: await handle.getFile() }];
  const found = [];
  for await (const child of handle.values()) found.push(...(await walkHandle(child, `${path}/`)));
  return found;
}
