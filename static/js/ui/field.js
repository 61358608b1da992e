/**
 * What is wrong with one field, under that field.
 * @module
 */
import { make } from './dom.js';

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Input */

/**
 * @param {Input} input
 * @param {string} text  '' if nothing is wrong any more
 */
export function setWrong(input, text) {
  const id = `${input.id}-wrong`;
  const known = document.getElementById(id);
  if (!text) {
    known?.remove();
    input.removeAttribute('aria-invalid');
    input.removeAttribute('aria-errormessage');
    return;
  }
  const line = known ?? make('p', { class: 'wrong' });
  line.id = id;
  line.textContent = text;
  if (!known) input.after(line);
  input.setAttribute('aria-invalid', 'true');
  input.setAttribute('aria-errormessage', id);
}

/**
 * @param {Input} input
 * @param {string} text
 * @returns {false} so that a check can end with it
 */
export function refuse(input, text) {
  setWrong(input, text);
  input.focus();
  input.scrollIntoView({ block: 'center' });
  return false;
}
