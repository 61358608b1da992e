/**
 * Taking a file off for good, with the choice about those who bought it.
 * @module
 */
import * as creator from '../net/creator.js';
import { erase } from '../net/versions.js';
import * as dialogs from '../ui/dialog.js';
import { one, slot } from '../ui/dom.js';
import * as problem from '../ui/problem.js';

/** @import { FileView } from '../net/creator.js' */

/**
 * @param {FileView} file
 * @returns {Promise<boolean>} whether it was removed
 */
export async function openRemove(file) {
  const dialog = dialogs.open('file-remove');
  slot(dialog, 'title').textContent = file.title;
  const place = slot(dialog, 'problem');
  const form = /** @type {HTMLFormElement} */ (one(dialog, 'form'));
  const button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
  return new Promise((resolve) => {
    let isDone = false;
    dialog.addEventListener('close', () => resolve(isDone));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      problem.hide(place);
      button.disabled = true;
      try {
        const isForAll = new FormData(form).get('buyers') === 'nobody';
        if (isForAll) await erase(file.id);
        else await creator.changeFile(file.id, { state: 'removed' });
        isDone = true;
        dialog.close();
      } catch (error) {
        problem.show(place, error);
      }
      button.disabled = false;
    });
  });
}
