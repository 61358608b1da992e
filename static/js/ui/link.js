/**
 * A share link with all one does with it: copy, share, QR code, look at it.
 * @module
 */
import { t } from '../texts/say.js';
import { copies } from './copy.js';
import { action, fromTemplate, one, slot } from './dom.js';
import { qr } from './qr.js';

/**
 * @param {HTMLElement} place
 * @param {string} link
 * @param {string} title
 * @returns {HTMLInputElement} the field that holds the link
 */
export function showLink(place, link, title) {
  place.replaceChildren(fromTemplate('link-parts'));
  const field = /** @type {HTMLInputElement} */ (one(place, 'input'));
  field.dataset['testid'] = 'share-link';
  field.value = link;
  field.addEventListener('focus', () => field.select());
  copies(action(place, 'copy'), () => link, t('Link copied'));
  /** @type {HTMLAnchorElement} */ (slot(place, 'open')).href = link;
  offerSharing(action(place, 'share'), link, title);
  const picture = slot(place, 'qr');
  action(place, 'qr').addEventListener('click', () => {
    if (!picture.firstChild) picture.append(qr(link));
    picture.hidden = !picture.hidden;
  });
  return field;
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} url
 * @param {string} title
 */
function offerSharing(button, url, title) {
  if (!navigator.share) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    // Closing the share sheet rejects the promise; nothing has to happen then.
    navigator.share({ url, title }).catch(() => undefined);
  });
}
