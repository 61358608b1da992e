/**
 * Help with the wallet: those of this platform, and a word where a payment link opened nothing.
 * @module
 */
import { slot } from './dom.js';

/** A wallet that opens takes the page's place, or at least its focus, before that. */
const ANSWER_MS = 2_000;

/** @param {HTMLElement} root  with unlock/wallets.html and unlock/no_answer.html in it */
export function helpWithWallet(root) {
  for (const list of root.querySelectorAll('[data-platform]')) {
    list.toggleAttribute('hidden', list.getAttribute('data-platform') !== platform());
  }
  const note = slot(root, 'no-answer');
  slot(root, 'uri').addEventListener('click', () => {
    note.hidden = true;
    noticeSilence(() => (note.hidden = false));
  });
}

/**
 * @param {() => void} onSilence  the page is looked at as before
 */
function noticeSilence(onSilence) {
  const answered = new AbortController();
  const { signal } = answered;
  const answer = () => answered.abort();
  document.addEventListener('visibilitychange', answer, { signal });
  addEventListener('blur', answer, { signal });
  addEventListener('pagehide', answer, { signal });
  setTimeout(() => {
    if (!signal.aborted && document.visibilityState === 'visible') onSilence();
    answered.abort();
  }, ANSWER_MS);
}

/** @returns {'android' | 'ios' | 'desktop'} */
function platform() {
  const { userAgent, maxTouchPoints } = navigator;
  if (/android/i.test(userAgent)) return 'android';
  // An iPad says that it is a Mac; no Mac has a touch screen.
  const isPad = /macintosh/i.test(userAgent) && maxTouchPoints > 1;
  return isPad || /iphone|ipad|ipod/i.test(userAgent) ? 'ios' : 'desktop';
}
