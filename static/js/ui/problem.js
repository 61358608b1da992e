/**
 * What went wrong, what is safe, what to do. Every failure on a page ends here or in a field.
 * @module
 */
import { heard, learnRest, t } from '../texts/say.js';
import { make } from './dom.js';

/** @typedef {{message: string, hint: string}} Said */

/**
 * @param {unknown} error
 * @returns {Said}
 */
export function said(error) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
  return { message: sentence(heard(message)), hint: heard(hint) };
}

/**
 * @param {HTMLElement} place  role="alert"
 * @param {unknown} error
 * @param {{safe?: string, retry?: () => void}} [more]
 */
export function show(place, error, { safe, retry } = {}) {
  const [message, hint] = [make('p'), make('p', { class: 'hint' })];
  const say = () => {
    const { message: what, hint: how } = said(error);
    if (message.textContent !== what) message.textContent = what;
    if (hint.textContent !== how) hint.textContent = how;
  };
  say();
  // The texts of errors come with the rest; where they cannot come, the English one stays.
  learnRest().then(say, () => undefined);
  place.className = 'notice red';
  place.replaceChildren(message);
  if (hint.textContent) place.append(hint);
  if (safe) place.append(make('p', { class: 'hint', text: safe }));
  if (retry) {
    const button = make('button', { class: 'plain', text: t('Try again') });
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
