/**
 * Copying, with a word that it happened.
 * @module
 */
import { t } from '../texts/say.js';
import { toast } from './toast.js';

/**
 * @param {string} text
 * @param {string} said  "Link copied"
 */
export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    toast(said);
  } catch {
    toast(t('The browser does not allow copying: mark the text and copy it yourself.'));
  }
}

/**
 * @param {HTMLElement} button
 * @param {() => string} text
 * @param {string} said
 */
export function copies(button, text, said) {
  button.addEventListener('click', () => void copy(text(), said));
}
