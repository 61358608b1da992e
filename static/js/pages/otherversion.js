/**
 * A purchase may have come with a newer version since. Both stay: the address says which is shown.
 * @module
 */
import { slot } from '../ui/dom.js';

/** @import { Purchase } from '../net/buyer.js' */

/** The content_id of the newer version, where the address asks for it. */
export const wanted = new URLSearchParams(location.search).get('version') ?? '';

/**
 * @param {Purchase} purchase
 * @returns {Purchase} with the version that the address asks for as its file
 */
export function versioned(purchase) {
  const { newer } = purchase;
  return newer?.file.content_id === wanted ? { ...purchase, file: newer.file } : purchase;
}

/**
 * @param {HTMLElement} root
 * @param {Purchase} purchase  of `versioned`
 */
export function showVersions(root, { file, newer, is_erased: isErased }) {
  slot(root, 'erased').hidden = !isErased;
  const isNewer = newer !== null && newer?.file.content_id === file.content_id;
  slot(root, 'newer').hidden = !newer || isNewer || isErased;
  slot(root, 'older').hidden = !isNewer;
  if (!newer) return;
  for (const note of ['newer-note', 'older-note']) slot(root, note).textContent = newer.note;
  const { pathname, hash } = location;
  const [ahead, back] = ['newer-link', 'older-link'].map((name) => slot(root, name));
  ahead?.setAttribute('href', `${pathname}?version=${newer.file.content_id}${hash}`);
  back?.setAttribute('href', `${pathname}${hash}`);
}
