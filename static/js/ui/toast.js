/**
 * One short line at the foot of the page that goes away by itself. Read out by screen readers.
 * @module
 */
import { make, one } from './dom.js';

const SHOWN_MS = 2_500;

/** @param {string} text */
export function toast(text) {
  const line = make('div', { class: 'toast', text });
  one(document, '.toasts').append(line);
  setTimeout(() => line.remove(), SHOWN_MS);
}
