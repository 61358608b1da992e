/**
 * The gate before a file for adults: nothing of it is fetched or shown before a word of assent, and
 * this browser remembers that word.
 * @module
 */
import { action, one } from '../ui/dom.js';

const KEY = 'kim-of-age';

/**
 * @param {HTMLElement} gate
 * @param {HTMLElement} root  what stands behind it
 * @returns {Promise<void>} once it is open
 */
export async function passed(gate, root) {
  const isKnown = remembered();
  if (!isKnown) {
    const button = action(gate, 'of-age');
    await new Promise((resolve) => {
      button.addEventListener('click', resolve, { once: true });
      button.disabled = false;
    });
    remember();
  }
  for (const kept of root.querySelectorAll('template[data-adult]')) {
    kept.replaceWith(/** @type {HTMLTemplateElement} */ (kept).content);
  }
  gate.remove();
  root.hidden = false;
  if (isKnown) return;
  const title = one(root, 'h1');
  title.tabIndex = -1;
  title.focus();
}

function remembered() {
  try {
    return localStorage.getItem(KEY) === 'yes';
  } catch {
    return false; // a browser that keeps nothing asks each time
  }
}

function remember() {
  try {
    localStorage.setItem(KEY, 'yes');
  } catch {
    // As above.
  }
}
