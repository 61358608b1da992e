/**
 * A link to take along: shown whole, marked by a touch, copied by a button.
 * @module
 */
import { t } from '../texts/say.js';
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
  field.setAttribute('aria-label', t('This link'));
  field.addEventListener('focus', () => field.select());
  const button = make('button', { class: 'pill', text: t('Copy') });
  button.setAttribute('type', 'button');
  copies(button, () => url, t('Link copied'));
  return make('div', { class: 'linkrow' }, field, button);
}
