/**
 * The return link: shown whole, copied, shared, kept as a file. It is the buyer's only possession.
 * @module
 */
import { returnLink } from '../crypto/links.js';
import { safeName } from '../io/unlocking.js';
import { t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, make, one, slot } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';
import { qr } from '../ui/qr.js';

/** @import { Proof } from './unlocking.js' */

/**
 * @param {HTMLElement} root
 * @param {Proof} proof
 * @param {string} title  of what was bought
 */
export function showReturnLink(root, { purchaseId, link, seed }, title) {
  const whole = returnLink(location.origin, purchaseId, link, seed);
  const part = slot(root, 'return');
  const field = /** @type {HTMLInputElement} */ (one(part, 'input'));
  field.value = whole;
  field.dataset['testid'] = 'return-link'; // scripts find it only once it is whole
  field.addEventListener('focus', () => field.select());
  copies(action(part, 'copy-link'), () => whole, t('Return link copied'));
  action(part, 'save-link').addEventListener('click', () =>
    downloadText(
      `${safeName(title || 'purchase')}.return-link.txt`,
      textOf(whole, title),
      'text/plain',
    ),
  );
  const share = action(part, 'share-link');
  share.hidden = !navigator.share;
  share.addEventListener('click', () => {
    // Closing the share sheet rejects the promise; nothing has to happen then.
    navigator
      .share({ url: whole, title: t('Return link: {title}', { title }) })
      .catch(() => undefined);
  });
  part.append(asCode(whole));
  part.hidden = false;
  const top = byId('to-return');
  top.hidden = false;
  top.addEventListener('click', () => {
    part.scrollIntoView({ block: 'center', behavior: 'smooth' });
    field.focus({ preventScroll: true });
  });
}

/**
 * Pay on the phone, save on the desktop, or the other way round: the other device's camera reads it.
 * @param {string} link
 * @returns {HTMLElement}
 */
function asCode(link) {
  const code = make('div', { class: 'qr' });
  code.setAttribute('role', 'img');
  code.setAttribute('aria-label', t('QR code of your return link'));
  code.dataset['testid'] = 'return-qr';
  const said = t(
    'Its camera reads your return link here. Show it to nobody else: it opens the file.',
  );
  const opened = make(
    'details',
    {},
    make('summary', { text: t('Go on with another device') }),
    make('p', { class: 'soft small', text: said }),
    code,
  );
  // Drawn when it is wanted: a link that opens the file is not left lying about in the page.
  opened.addEventListener('toggle', () => code.replaceChildren(qr(link)), { once: true });
  return opened;
}

/**
 * @param {string} link
 * @param {string} title
 */
function textOf(link, title) {
  const said = t(
    'This link opens your purchase in any browser. Whoever has it can open the file too: keep it to yourself.',
  );
  return `${title}\r\n${link}\r\n\r\n${said}\r\n`;
}
