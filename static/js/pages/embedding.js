/**
 * The lines that put a buy button on another site (docs/embed.md).
 * @module
 */
import { copies } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, slot } from '../ui/dom.js';
import { t } from '../texts/say.js';

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
  return `<a class="kim-buy" href="${link}">${t('Buy')}</a>
<script src="${script}" integrity="${integrity}" crossorigin="anonymous" async></script>
`;
}
