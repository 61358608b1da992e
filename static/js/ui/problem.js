/**
 * What went wrong, what is safe, what to do. Every failure on a page ends here or in a field.
 * @module
 */
import { make } from './dom.js';

/** @typedef {{message: string, hint: string}} Said */

/**
 * @param {unknown} error
 * @returns {Said}
 */
export function said(error) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
  return { message: sentence(message), hint };
}

/**
 * @param {HTMLElement} place  role="alert"
 * @param {unknown} error
 * @param {{safe?: string, retry?: () => void}} [more]
 */
export function show(place, error, { safe, retry } = {}) {
  const { message, hint } = said(error);
  place.className = 'notice red';
  place.replaceChildren(make('p', { text: message }));
  if (hint) place.append(make('p', { class: 'hint', text: hint }));
  if (safe) place.append(make('p', { class: 'hint', text: safe }));
  if (retry) {
    const button = make('button', { class: 'plain', text: 'Try again' });
    button.setAttribute('type', 'button');
    button.addEventListener('click', () => {
      hide(place);
      retry();
    });
    place.append(make('div', { class: 'actions' }, button));
  }
  place.hidden = false;
}

/** @param {HTMLElement} place */
export function hide(place) {
  place.hidden = true;
  place.replaceChildren();
}

/** @param {string} text */
function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
