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
    describe(input, id, false);
    return;
  }
  const line = known ?? make('p', { class: 'wrong' });
  line.id = id;
  line.textContent = text;
  if (!known) input.after(line);
  input.setAttribute('aria-invalid', 'true');
  describe(input, id, true);
}

/**
 * Beside a hint that the field may have: screen readers read both.
 * @param {Input} input
 * @param {string} id
 * @param {boolean} isOn
 */
function describe(input, id, isOn) {
  const known = (input.getAttribute('aria-describedby') ?? '').split(' ');
  const others = known.filter((each) => each && each !== id);
  const all = isOn ? [...others, id] : others;
  if (all.length) input.setAttribute('aria-describedby', all.join(' '));
  else input.removeAttribute('aria-describedby');
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
