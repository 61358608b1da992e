/**
 * Keeps link secrets out of text that goes to the server: a pasted link is cut at its #, and the
 * person is told why.
 * @module
 */
import { findLinkSecret } from '../crypto/links.js';
import { mark, t } from '../texts/say.js';
import { setWrong } from './field.js';

/** The second half of a link without the first, standing alone: the server refuses that too. */
const BARE_SECRET =
  /(?<![A-Za-z0-9_.-])1\.[A-Za-z0-9_-]{22}(?:\.[A-Za-z0-9_-]*)?(?![A-Za-z0-9_-])/g;

/** Pasting several lines fires several events: the reason stays long enough to be read. */
const READ_MS = 8_000;

const WHY = mark(
  'A link of yours stood here. Its second half is a key that must not reach the server, so it was cut.',
);

/** @param {HTMLInputElement | HTMLTextAreaElement} input */
export function keepLinkless(input) {
  let saidAtMs = -Infinity;
  const look = () => {
    const text = linkless(input.value);
    const nowMs = performance.now();
    if (text !== input.value) {
      input.value = text;
      saidAtMs = nowMs;
      setWrong(input, t(WHY));
    } else if (nowMs - saidAtMs > READ_MS) {
      setWrong(input, '');
    }
  };
  input.addEventListener('input', look);
  look(); // what was typed before this script ran, or came back with a reload
}

/**
 * @param {string} text
 * @returns {string} without link secrets
 */
export function linkless(text) {
  return findLinkSecret(text).text.replace(BARE_SECRET, '');
}
