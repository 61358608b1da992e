/**
 * The place a file is dropped on. Click, keyboard and drop all reach the same file input.
 * @module
 */
import { one } from './dom.js';

/**
 * @param {HTMLElement} zone
 * @param {(file: File) => void} onFile
 * @param {(why: string) => void} onRefused
 */
export function receiveFile(zone, onFile, onRefused) {
  const input = /** @type {HTMLInputElement} */ (one(zone, 'input'));
  const take = () => {
    const file = input.files?.[0];
    input.value = ''; // the same file may be chosen again after a cancel
    if (file) onFile(file);
  };
  input.addEventListener('change', take);
  // Somebody may have been quicker than these modules; the page's own start comes first.
  queueMicrotask(take);
  for (const name of ['dragenter', 'dragover']) {
    zone.addEventListener(name, () => zone.classList.add('over'));
  }
  for (const name of ['dragleave', 'drop']) {
    zone.addEventListener(name, () => zone.classList.remove('over'));
  }
  // A drop beside the zone must not make the browser leave the page and show the file.
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    const items = event.dataTransfer?.items ?? [];
    const files = event.dataTransfer?.files;
    if (!files || files.length === 0) return;
    event.preventDefault();
    if (zone.hidden) return;
    const isFolder = items[0]?.webkitGetAsEntry?.()?.isDirectory === true;
    const [file] = files;
    if (files.length > 1 || isFolder) {
      onRefused('One file at a time: put several into a ZIP first.');
    } else if (file) {
      onFile(file);
    }
  });
}
