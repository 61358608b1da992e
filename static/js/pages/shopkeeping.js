/**
 * A creator's own shop: which files are listed, and the link of them all. Entries are sealed here,
 * under a key that follows from R; the server keeps them and reads none.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { sealEntry, shopAccessHash, shopKey, shopLink } from '../crypto/shop.js';
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import * as net from '../net/storefront.js';
import { copy } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, meta, one, slot } from '../ui/dom.js';
import { showLink } from '../ui/link.js';
import * as problem from '../ui/problem.js';
import { many, t } from '../texts/say.js';
import { isRootOf, linkSecretOf, rootOf } from './keys.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { OwnShop } from '../net/storefront.js'
 */

/**
 * Lists a file, or takes it off the list. The first one opens the shop.
 * @param {string} fileId
 * @param {boolean} isListed
 * @returns {Promise<boolean>} false where the person would not give the key
 */
export async function setListed(fileId, isListed) {
  const root = await rootOf(meta('username'));
  if (!root) return false;
  const shop = await net.ownShop();
  const ids = idsOf(shop);
  if (isListed) ids.add(fileId);
  else ids.delete(fileId);
  await keep(root, shop.generation, ids);
  return true;
}

/**
 * The whole shop, sealed anew. What cannot be listed any more falls off.
 * @param {Bytes} root  R
 * @param {number} generation  of the shop
 * @param {Set<string>} ids
 */
async function keep(root, generation, ids) {
  const { files } = await creator.files();
  const listed = files.filter(
    (file) =>
      ids.has(file.id) &&
      (file.state === 'published' || file.state === 'paused') &&
      isRootOf(root, file),
  );
  const key = shopKey(root, generation);
  const entries = await Promise.all(
    listed.map(async (file) => {
      const place = { paidFileId: file.id, generation };
      const entry = await sealEntry(key, place, linkSecretOf(root, file));
      return { file: file.id, entry: toBase64url(entry), generation: file.link_generation };
    }),
  );
  return net.keepShop({ generation, access_hash: shopAccessHash(key), files: entries });
}

/** @param {OwnShop} shop */
function idsOf({ files }) {
  return new Set(files.map((entry) => entry.file));
}

/**
 * The shop's part of the files page. Entries of links that were renewed are sealed again by the way.
 * @param {boolean} isSelling  whether there are files at all
 */
export async function showShop(isSelling) {
  const panel = byId('shop-panel');
  const place = slot(panel, 'problem');
  panel.hidden = !isSelling;
  if (!isSelling) return;
  try {
    const root = (await store.root(meta('username')))?.root;
    let shop = await net.ownShop();
    if (root && shop.stale > 0) shop = await keep(root, shop.generation, idsOf(shop));
    tell(panel, shop, root);
    offer(panel, shop);
  } catch (error) {
    problem.show(place, error, { retry: () => void showShop(isSelling) });
  }
}

/**
 * @param {HTMLElement} panel
 * @param {OwnShop} shop
 */
function offer(panel, shop) {
  const place = slot(panel, 'problem');
  /** @param {string} name @param {() => Promise<unknown>} act */
  const does = (name, act) => {
    action(panel, name).onclick = async () => {
      problem.hide(place);
      await act().catch((error) => problem.show(place, error));
    };
  };
  /** @param {(root: Bytes) => unknown} act */
  const withRoot = (act) => async () => {
    const root = await rootOf(meta('username'));
    if (root) await act(root);
  };
  does(
    'shop-copy',
    withRoot((root) => copy(linkOf(root, shop), t('Link copied'))),
  );
  does(
    'shop-qr',
    withRoot((root) =>
      showLink(one(dialogs.open('link-shown'), '.link'), linkOf(root, shop), meta('username')),
    ),
  );
  does(
    'shop-renew',
    withRoot(async (root) => {
      if (!(await isSure('shop-renew-ask'))) return;
      await keep(root, shop.generation + 1, idsOf(shop));
      await showShop(true);
    }),
  );
  does('shop-close', async () => {
    if (!(await isSure('shop-close-ask'))) return;
    await net.closeShop();
    await showShop(true);
  });
}

/**
 * @param {HTMLElement} panel
 * @param {OwnShop} shop
 * @param {Bytes | undefined} root
 */
function tell(panel, shop, root) {
  slot(panel, 'said').textContent = wordsOf(shop);
  slot(panel, 'actions').hidden = !shop.is_open;
  const field = /** @type {HTMLInputElement} */ (slot(panel, 'link'));
  const link = shop.is_open && root ? linkOf(root, shop) : '';
  field.hidden = !link;
  field.value = link;
  field.onfocus = () => field.select();
}

/** @param {OwnShop} shop */
function wordsOf({ is_open: isOpen, files }) {
  if (!isOpen) {
    return t(
      'One link for all files that you list. To open it, edit a file and choose “List it in my shop”.',
    );
  }
  if (files.length === 0) {
    return t('Nothing is listed. Edit a file and choose “List it in my shop”.');
  }
  return many(
    files.length,
    'One link shows the one file that you list, and opens it.',
    'One link shows the {count} files that you list, and opens each of them.',
  );
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
