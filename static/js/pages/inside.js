/**
 * What people may see of a file that is on sale already: shown from now on, or no longer.
 * @module
 */
import { fromBase64url } from '../crypto/bytes.js';
import { parseHeader } from '../crypto/header.js';
import { contentKey } from '../crypto/keys.js';
import { openMeta } from '../crypto/meta.js';
import { parseHead } from '../crypto/records.js';
import { read } from '../net/bytes.js';
import * as creator from '../net/creator.js';
import { dropCover, dropSample } from '../net/showing.js';
import * as dialogs from '../ui/dialog.js';
import { action, one, slot } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { t } from '../texts/say.js';
import { linkSecretOf } from './keys.js';
import { Showing } from './showing.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { FileView } from '../net/creator.js'
 */

/**
 * @param {FileView} file
 * @param {Bytes} root  R
 * @returns {Promise<boolean>} whether anything was changed
 */
export async function showInside(file, root) {
  const dialog = dialogs.open('file-inside');
  const place = slot(dialog, 'problem');
  const field = /** @type {HTMLDetailsElement} */ (one(dialog, 'details'));
  const showing = new Showing(field, () => undefined);
  const header = await begin(showing, file, root).catch((error) => {
    problem.show(place, error);
    return null;
  });
  return new Promise((resolve) => {
    let isChanged = false;
    dialog.addEventListener('close', () => resolve(isChanged));
    /** @param {HTMLButtonElement} button @param {() => Promise<unknown>} work */
    const act = async (button, work) => {
      problem.hide(place);
      button.disabled = true;
      try {
        await work();
        isChanged = true;
        dialog.close();
      } catch (error) {
        problem.show(place, error);
      }
      button.disabled = false;
    };
    /** @param {string} name @param {unknown} shown @param {(id: string) => Promise<unknown>} drop */
    const offer = (name, shown, drop) => {
      const button = action(dialog, name);
      button.hidden = !shown;
      button.addEventListener('click', () => void act(button, () => drop(file.id)));
    };
    offer('hide-sample', file.sample, dropSample);
    offer('hide-cover', file.cover, dropCover);
    one(dialog, 'form').addEventListener('submit', (event) => {
      event.preventDefault();
      const button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
      void act(button, async () => {
        if (showing.missing) throw new Error(showing.missing);
        const key = contentKey(root, (header ?? unknown()).fileId);
        await showing.keep(file.id, { key, header: header ?? unknown() });
      });
    });
  });
}

/**
 * What kind of file it is stands in its description, which the link opens.
 * @param {Showing} showing
 * @param {FileView} file
 * @param {Bytes} root
 */
async function begin(showing, file, root) {
  const head = await read((await creator.ranges(file.id)).header);
  const header = parseHeader(head);
  const metaLink = file.meta_link
    ? fromBase64url(file.meta_link)
    : parseHead(header, head).metaLink;
  if (!metaLink) unknown();
  const { name, type } = await openMeta(metaLink, linkSecretOf(root, file), header);
  const { isBundle, payloadSize: size } = header;
  showing.setSold({ name, type, size, file: null, isBundle });
  return header;
}

/** @returns {never} */
function unknown() {
  throw new Error(t('The stored file could not be read.'));
}
