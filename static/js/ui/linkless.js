/**
 * Keeps link secrets out of text that goes to the server: a pasted link is cut at its #, and the
 * person is told why.
 * @module
 */
import { findLinkSecret } from '../crypto/links.js';
import { setWrong } from './field.js';

/** The second half of a link without the first, standing alone: the server refuses that too. */
const BARE_SECRET =
  /(?<![A-Za-z0-9_.-])1\.[A-Za-z0-9_-]{22}(?:\.[A-Za-z0-9_-]*)?(?![A-Za-z0-9_-])/g;

const WHY =
  'A link of yours stood here. Its second half is a key that must not reach the server, so it was cut.';

/** @param {HTMLInputElement | HTMLTextAreaElement} input */
export function keepLinkless(input) {
  input.addEventListener('input', () => {
    const text = linkless(input.value);
    if (text === input.value) {
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
  return findLinkSecret(text).text.replace(BARE_SECRET, '');
}
