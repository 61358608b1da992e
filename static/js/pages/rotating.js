/**
 * A new link where the old one leaked: the same content, and whoever bought keeps what they have.
 * @module
 */
import { fromBase64url } from '../crypto/bytes.js';
import { parseHeader } from '../crypto/header.js';
import { parseHead } from '../crypto/records.js';
import { read } from '../net/bytes.js';
import * as creator from '../net/creator.js';
import * as dialogs from '../ui/dialog.js';
import { action, one, slot } from '../ui/dom.js';
import { showLink } from '../ui/link.js';
import * as problem from '../ui/problem.js';
import { t } from '../texts/say.js';
import { linkOf } from './keys.js';
import { swap } from './swapping.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { FileView } from '../net/creator.js'
 */

/**
 * @param {FileView} file
 * @param {Bytes} root  R
 * @returns {Promise<boolean>} whether there is a new link
 */
export async function openRotate(file, root) {
  const dialog = dialogs.open('file-rotate');
  slot(dialog, 'title').textContent = file.title;
  const place = slot(dialog, 'problem');
  const said = slot(dialog, 'said');
  const button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
  return new Promise((resolve) => {
    let isDone = false;
    dialog.addEventListener('close', () => resolve(isDone));
    dialog.addEventListener('cancel', (event) => {
      if (button.disabled) event.preventDefault();
    });
    action(dialog, 'done').addEventListener('click', () => dialog.close());
    one(dialog, 'form').addEventListener('submit', async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      problem.hide(place);
      button.disabled = true;
      try {
        const made = await rotate(file, root, (words) => (said.textContent = `${words}…`));
        isDone = true;
        slot(dialog, 'asking').hidden = true;
        slot(dialog, 'done').hidden = false;
        showLink(one(dialog, '.link'), linkOf(root, made), made.title);
      } catch (error) {
        problem.show(place, error);
      }
      said.textContent = '';
      button.disabled = false;
    });
  });
}

/**
 * @param {FileView} shown
 * @param {Bytes} root
 * @param {(words: string) => void} onStep
 */
async function rotate(shown, root, onStep) {
  onStep(t('Reading the file’s description'));
  const file = await creator.file(shown.id); // another tab may have changed it
  const head = await read((await creator.ranges(file.id)).header);
  const header = parseHeader(head);
  const stored = parseHead(header, head).metaLink;
  const metaLink = file.meta_link ? fromBase64url(file.meta_link) : stored;
  if (!metaLink) throw new Error(t('The stored file could not be read.'));
  const sealedUnder = file.link_generation;
  return swap(file, { root, header, contentId: file.content_id, metaLink, sealedUnder, onStep });
}
