/**
 * A link to take along: shown whole, marked by a touch, copied by a button.
 * @module
 */
import { copies } from './copy.js';
import { make } from './dom.js';

/**
 * @param {string} url
 * @returns {HTMLElement}
 */
export function linkRow(url) {
  const field = /** @type {HTMLInputElement} */ (make('input'));
  field.readOnly = true;
  field.value = url;
  field.setAttribute('aria-label', 'This link');
  field.addEventListener('focus', () => field.select());
  const button = make('button', { class: 'pill', text: 'Copy' });
  button.setAttribute('type', 'button');
  copies(button, () => url, 'Link copied');
  return make('div', { class: 'linkrow' }, field, button);
}
