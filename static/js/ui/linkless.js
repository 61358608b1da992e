/**
 * Keeps link secrets out of text that goes to the server: a pasted link is cut at its #, and the
 * person is told why.
 * @module
 */
import { findLinkSecret } from '../crypto/links.js';
import { setWrong } from './field.js';

const WHY =
  'A link of yours stood here. Its second half is a key that must not reach the server, so it was cut.';

/** @param {HTMLInputElement | HTMLTextAreaElement} input */
export function keepLinkless(input) {
  input.addEventListener('input', () => {
    const { found, text } = findLinkSecret(input.value);
    if (!found) {
      setWrong(input, '');
      return;
    }
    input.value = text;
    setWrong(input, WHY);
  });
}

/**
 * @param {string} text
 * @returns {string} without link secrets
 */
export function linkless(text) {
  return findLinkSecret(text).text;
}
