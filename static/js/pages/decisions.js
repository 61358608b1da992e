/**
 * A creator's appeals against decisions about their files.
 * @module
 */
import { appeal } from '../net/reports.js';
import { one } from '../ui/dom.js';
import { takeAppeal } from './appealing.js';

for (const found of document.querySelectorAll('form[data-measure]')) {
  const form = /** @type {HTMLFormElement} */ (found);
  const parts = {
    text: /** @type {HTMLTextAreaElement} */ (one(form, 'textarea')),
    button: /** @type {HTMLButtonElement} */ (one(form, 'button')),
    place: one(form, '[role=alert]'),
  };
  takeAppeal(form, parts, (text) => appeal(form.dataset['measure'] ?? '', text));
}
