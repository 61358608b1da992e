/**
 * A modal dialog around a template. Escape and the cancel button close it and change nothing.
 * @module
 */
import { fromTemplate, make } from './dom.js';

/**
 * @param {string} template  id
 * @returns {HTMLDialogElement} open; gone from the page once closed
 */
export function open(template) {
  const dialog = /** @type {HTMLDialogElement} */ (make('dialog', {}, fromTemplate(template)));
  const title = dialog.querySelector('h2');
  if (title) {
    title.id = `${template}-title`;
    dialog.setAttribute('aria-labelledby', title.id);
  }
  dialog
    .querySelector('[data-action="cancel"]')
    ?.addEventListener('click', () => dialog.close('cancel'));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
