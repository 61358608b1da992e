/**
 * The creator's root on the pages: made once, asked for where it is missing, kept safe by nagging.
 * @module
 */
import { fromHex, isEqual, toHex } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { buildKeyFile, parseKeyFile } from '../crypto/files.js';
import { linkSecret, newRoot, releaseHash, releaseSecret } from '../crypto/keys.js';
import { shareLink } from '../crypto/links.js';
import { fromWords, toWords } from '../crypto/words.js';
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, make, one, slot } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';
import { opened } from './vault.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 *
 * @typedef {{id: string, h_s: string, link_file_id: string, generation: number,
 *   link_generation: number}} Keyed  what of a file its secrets are made from, and told by
 */

/**
 * @param {Bytes} root
 * @param {Keyed} file
 * @returns {boolean} whether this file's secrets come from this root
 */
export function isRootOf(root, file) {
  if (!file.h_s || !file.link_file_id) return false;
  const release = releaseSecret(root, fromHex(file.link_file_id), file.generation);
  return isEqual(releaseHash(release), fromHex(file.h_s));
}

/**
 * @param {Bytes} root
 * @param {Keyed} file
 * @returns {Bytes} L
 */
export function linkSecretOf(root, file) {
  return linkSecret(root, fromHex(file.link_file_id), file.link_generation);
}

/**
 * @param {Bytes} root
 * @param {Keyed} file
 */
export function linkOf(root, file) {
  return shareLink(location.origin, file.id, linkSecretOf(root, file));
}

/** @type {Map<string, Promise<Bytes | null>>} */
const underWay = new Map();

/**
 * The root of this account: from this browser, new for a new account, else asked for. Who asks while it is
 * being looked for gets the same answer: nobody is asked twice, and there is one new root.
 * @param {string} username
 * @returns {Promise<Bytes | null>} null if the person would not give it
 */
export function rootOf(username) {
  const found =
    underWay.get(username) ?? findRoot(username).finally(() => underWay.delete(username));
  underWay.set(username, found);
  return found;
}

/**
 * @param {string} username
 * @returns {Promise<Bytes | null>}
 */
async function findRoot(username) {
  const known = await store.root(username);
  if (known?.isUnused) await store.markRoot(username, { isUnused: false });
  if (known) return known.root;
  const [{ files }, vault] = await Promise.all([creator.files(), creator.vault()]);
  const mine = files.filter((file) => file.h_s);
  if (mine.length > 0 || vault.sealed_root) return ask(username, mine);
  return (await store.keepFirstRoot(freshRow(username))).root;
}

/**
 * Asks for the key file or the words, and keeps what proves to be this account's root.
 * @param {string} username
 * @param {Keyed[]} files  with a secret deposited
 * @returns {Promise<Bytes | null>}
 */
export function ask(username, files) {
  const dialog = dialogs.open('key-ask');
  const place = slot(dialog, 'problem');
  const file = /** @type {HTMLInputElement} */ (one(dialog, 'input[type=file]'));
  const words = /** @type {HTMLTextAreaElement} */ (one(dialog, 'textarea'));
  const password = /** @type {HTMLInputElement} */ (one(dialog, 'input[type=password]'));
  const button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
  const label = button.textContent ?? '';
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(null));
    /** @param {Bytes} root @param {boolean} isSaved @param {{vault?: 'same'}} [known] */
    const keep = async (root, isSaved, known = {}) => {
      await store.keepRoot({ username, root, isSaved, isDownloaded: isSaved, ...known });
      resolve(root);
      dialog.close();
    };
    one(dialog, 'form').addEventListener('submit', async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      problem.hide(place);
      button.disabled = true;
      button.textContent = t('Opening…');
      try {
        if (password.value) {
          await keep(await opened(username, password.value), false, { vault: 'same' });
        } else {
          const root = await rootFrom(file.files?.[0], words.value);
          checkBelongs(root, files);
          await keep(root, true);
        }
      } catch (error) {
        problem.show(place, error);
      }
      button.disabled = false;
      button.textContent = label;
    });
    action(dialog, 'renew').addEventListener('click', () => void keep(newRoot(), false));
  });
}

/**
 * @param {File | undefined} file
 * @param {string} words
 * @returns {Promise<Bytes>}
 */
export async function rootFrom(file, words) {
  if (!file) return fromWords(words);
  const { role, root } = parseKeyFile(await file.text());
  if (role === 'creator') return root;
  throw new KimError(
    'wrong_role',
    t('Choose the file of this account.'),
    t('This is a buyer’s key file.'),
  );
}

/**
 * @param {Bytes} root
 * @param {Keyed[]} files
 */
function checkBelongs(root, files) {
  if (files.length === 0 || files.some((file) => isRootOf(root, file))) return;
  throw new KimError(
    'foreign_key',
    t('Look for the file or paper of this account.'),
    t('This is a valid key, but not the one your files were made with.'),
  );
}

/** @param {string} username */
function freshRow(username) {
  return { username, root: newRoot(), isSaved: false, isDownloaded: false };
}

/**
 * Downloads R with the recovery kits of all payouts, past ones too. Without the server there is no file, and
 * the reminder stays.
 * @param {string} username
 */
export async function downloadKeyFile(username) {
  const row = await store.root(username);
  if (!row) return;
  const payout = await creator.payout();
  const payouts = payout?.recoveries ?? [];
  const text = buildKeyFile({ role: 'creator', root: row.root, payouts });
  downloadText(`kim-key-${username}-${toHex(releaseHash(row.root)).slice(0, 6)}.json`, text);
  await store.markRoot(username, { isDownloaded: true });
}

/**
 * The first publish downloads the file by itself; later ones do not.
 * @param {string} username
 */
export async function downloadFirst(username) {
  const row = await store.root(username);
  if (row && !row.isDownloaded) await downloadKeyFile(username);
}

/**
 * @param {string} username
 * @param {() => void} onKept
 */
export async function showWords(username, onKept) {
  const row = await store.root(username);
  if (!row) return;
  const dialog = dialogs.open('key-words-shown');
  const list = one(dialog, 'ol');
  for (const word of toWords(row.root).split(' ')) list.append(make('li', { text: word }));
  action(dialog, 'kept').addEventListener('click', async () => {
    await store.markRoot(username, { isSaved: true });
    dialog.close();
    onKept();
  });
}

/** @param {store.Root} row */
function whyKeep(row) {
  if (row.isDownloaded) {
    return t(
      'The file kim-key-… was downloaded. Put it where you will find it, away from this machine.',
    );
  }
  if (row.vault === 'other') {
    return t(
      'This browser holds another key than your vault, and nothing was overwritten. Files sealed here open with this one only: download it.',
    );
  }
  if (row.vault === 'same') {
    return t(
      'Your password opens it on other devices. If you lose the password, only the key file or the words bring you back.',
    );
  }
  return t('Your links are made from it, and it lies in this browser only.');
}

/**
 * The bar at the top that stays until the key is kept somewhere else. It asks for nothing before
 * there is anything to lose.
 * @param {string} username
 * @param {(isSaved: boolean) => void} [onChange]
 * @returns {() => Promise<void>} looks again
 */
export function remind(username, onChange = () => undefined) {
  const bar = byId('reminder');
  const kept = action(bar, 'kept');
  async function look() {
    const row = await store.root(username);
    bar.hidden = !row || row.isSaved || row.isUnused === true;
    kept.hidden = !row?.isDownloaded && row?.vault !== 'same';
    slot(bar, 'said').textContent = row ? whyKeep(row) : '';
    onChange(row?.isSaved === true);
  }
  action(bar, 'download').addEventListener('click', async () => {
    try {
      await downloadKeyFile(username);
      await look();
    } catch (error) {
      toast(problem.said(error).message);
    }
  });
  action(bar, 'words').addEventListener('click', () => void showWords(username, look));
  kept.addEventListener('click', async () => {
    await store.markRoot(username, { isSaved: true });
    await look();
  });
  return look;
}
