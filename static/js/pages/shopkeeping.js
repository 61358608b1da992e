/**
 * A creator's own shop: which files are listed, and the link of them all. Entries are sealed here,
 * under a key that follows from R; the server keeps them and reads none.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { sealEntry, shopAccessHash, shopKey, shopLink } from '../crypto/shop.js';
import * as creator from '../net/creator.js';
import * as net from '../net/storefront.js';
import { copy } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, meta, one, slot } from '../ui/dom.js';
import { showLink } from '../ui/link.js';
import * as problem from '../ui/problem.js';
import { isRootOf, linkSecretOf } from './keys.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { FileView } from '../net/creator.js'
 * @import { OwnShop } from '../net/storefront.js'
 */

/** @param {FileView} file */
const isListable = ({ state }) => state === 'published' || state === 'paused';

/**
 * Lists a file, or takes it off the list. The first one opens the shop.
 * @param {FileView} file
 * @param {Bytes} root  R
 * @param {boolean} isListed
 */
export async function setListed(file, root, isListed) {
  const [shop, { files }] = await Promise.all([net.ownShop(), creator.files()]);
  const ids = new Set(shop.files.map((entry) => entry.file));
  if (isListed) ids.add(file.id);
  else ids.delete(file.id);
  await keep(root, shop.generation, listedOf(files, ids, root));
}

/**
 * @param {FileView[]} files
 * @param {Set<string>} ids
 * @param {Bytes} root
 */
function listedOf(files, ids, root) {
  return files.filter((file) => ids.has(file.id) && isListable(file) && isRootOf(root, file));
}

/**
 * The whole shop, sealed anew.
 * @param {Bytes} root  R
 * @param {number} generation  of the shop
 * @param {FileView[]} listed
 */
async function keep(root, generation, listed) {
  const key = shopKey(root, generation);
  const files = await Promise.all(
    listed.map(async (file) => {
      const place = { paidFileId: file.id, generation };
      const entry = await sealEntry(key, place, linkSecretOf(root, file));
      return { file: file.id, entry: toBase64url(entry), generation: file.link_generation };
    }),
  );
  return net.keepShop({ generation, access_hash: shopAccessHash(key), files });
}

/**
 * The shop's part of the files page. Entries of links that were renewed are sealed again by the way.
 * @param {FileView[]} files
 * @param {{root: Bytes | undefined, rootFor: (file: FileView) => Promise<Bytes | null>,
 *   reload: () => Promise<void>}} known  R, if it lies in this browser
 */
export async function showShop(files, { root, rootFor, reload }) {
  const panel = byId('shop-panel');
  const place = slot(panel, 'problem');
  const onSale = files.filter(isListable);
  panel.hidden = onSale.length === 0;
  if (panel.hidden) return;
  let shop = await net.ownShop();
  const ids = new Set(shop.files.map((entry) => entry.file));
  if (root && shop.is_open && isStale(shop, files)) {
    shop = await keep(root, shop.generation, listedOf(files, ids, root));
  }
  tell(panel, shop, root);
  /** @param {string} name @param {(root: Bytes) => Promise<unknown>} act */
  const offer = (name, act) => {
    action(panel, name).onclick = async () => {
      problem.hide(place);
      try {
        const [first] = onSale;
        const found = root ?? (first && (await rootFor(first)));
        if (found) await act(found);
      } catch (error) {
        problem.show(place, error);
      }
    };
  };
  offer('shop-copy', (found) => copy(linkOf(found, shop), 'Link copied'));
  offer('shop-qr', async (found) => {
    showLink(one(dialogs.open('link-shown'), '.link'), linkOf(found, shop), meta('username'));
  });
  offer('shop-renew', async (found) => {
    if (!(await isSure('shop-renew-ask'))) return;
    await keep(found, shop.generation + 1, listedOf(files, ids, found));
    await reload();
  });
  action(panel, 'shop-close').onclick = async () => {
    if (!(await isSure('shop-close-ask'))) return;
    await net.closeShop().catch((error) => problem.show(place, error));
    await reload();
  };
}

/**
 * @param {OwnShop} shop
 * @param {FileView[]} files
 */
function isStale(shop, files) {
  const links = new Map(files.map((file) => [file.id, file.link_generation]));
  return shop.files.some(({ file, generation }) => (links.get(file) ?? generation) !== generation);
}

/**
 * @param {HTMLElement} panel
 * @param {OwnShop} shop
 * @param {Bytes | undefined} root
 */
function tell(panel, shop, root) {
  const count = shop.files.length;
  slot(panel, 'said').textContent = shop.is_open
    ? `One link shows ${count === 1 ? 'the file' : `the ${count} files`} that you list: each opens from there with no other link. Edit a file to list it, or to take it off.`
    : 'One link for all files that you list. Edit a file and choose “List it in my shop” to open it.';
  slot(panel, 'actions').hidden = !shop.is_open;
  const field = /** @type {HTMLInputElement} */ (slot(panel, 'link'));
  field.hidden = !shop.is_open || !root;
  field.value = root ? linkOf(root, shop) : '';
  field.onfocus = () => field.select();
}

/**
 * @param {Bytes} root
 * @param {OwnShop} shop
 */
function linkOf(root, { generation }) {
  return shopLink(location.origin, meta('username'), shopKey(root, generation));
}

/**
 * @param {string} template
 * @returns {Promise<boolean>}
 */
async function isSure(template) {
  const dialog = dialogs.open(template);
  action(dialog, 'sure').addEventListener('click', () => dialog.close('sure'));
  await new Promise((resolve) => {
    dialog.addEventListener('close', resolve);
  });
  return dialog.returnValue === 'sure';
}
