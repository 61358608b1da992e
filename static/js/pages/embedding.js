/**
 * The lines that put a buy button on another site (docs/embed.md).
 * @module
 */
import { copies } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, slot } from '../ui/dom.js';
import { language, t } from '../texts/say.js';

/** @param {string} link  the share link */
export function showEmbed(link) {
  const dialog = dialogs.open('file-embed');
  const field = /** @type {HTMLTextAreaElement} */ (slot(dialog, 'lines'));
  const lines = linesOf(link, field.dataset['integrity'] ?? '');
  field.value = lines;
  field.addEventListener('focus', () => field.select());
  copies(action(dialog, 'embed-copy'), () => lines, t('Copied'));
}

/**
 * @param {string} link
 * @param {string} integrity
 */
export function linesOf(link, integrity) {
  const script = `${new URL(link).origin}/embed/1/button.js`;
  // The button's own word is English, and its bytes never change: the lines say the German one.
  const more = language() === 'en' ? '' : ` data-sold-out="${t('Sold out')}"`;
  return `<a class="kim-buy" href="${link}"${more}>${t('Buy')}</a>
<script src="${script}" integrity="${integrity}" crossorigin="anonymous" async></script>
`;
}
