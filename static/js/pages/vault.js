/**
 * The vault on the pages: put in with the account, opened by each login. R and the vault's key stay
 * in this browser; whatever the vault says, a root that lies here is never overwritten by itself.
 * @module
 */
import { fromBase64url, isEqual } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { newRoot } from '../crypto/keys.js';
import { openRoot, recoveryHash, vaultOf } from '../crypto/vault.js';
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import { t } from '../texts/say.js';
import { freshlyDerived, workedFor, workedForVault } from './passwords.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Vault } from '../net/creator.js'
 */

/**
 * @param {string} username
 * @param {Bytes} root  new, and in the vault
 * @returns {store.Root}
 */
export function firstRow(username, root) {
  return { username, root, isSaved: false, isDownloaded: false, isUnused: true, vault: 'same' };
}

/**
 * After a login: what is in the vault comes here, or what is here goes into the vault. An account
 * whose files were sealed with a key that is neither here nor there is left as it is.
 * @param {string} username
 * @param {string} password
 * @param {Bytes | null} vaultKey  null: there is no vault yet
 */
export async function bring(username, password, vaultKey) {
  const [vault, row] = await Promise.all([creator.vault(), store.root(username)]);
  if (vaultKey && vault.sealed_root) {
    const root = await openedWith(vaultKey, username, vault);
    await keepBeside(username, root, row);
    return;
  }
  const root = row?.root ?? (await rootForNobodysFiles());
  if (!root) return;
  await put(username, password, root);
  if (!row) await store.keepFirstRoot(firstRow(username, root));
  await store.markRoot(username, { vault: 'same' });
}

/**
 * @param {string} username
 * @param {string} password
 * @returns {Promise<Bytes>} R, out of the vault
 * @throws {KimError} if there is no vault, or the password does not open it
 */
export async function opened(username, password) {
  const [vault, { vaultKey }] = await Promise.all([creator.vault(), workedFor(username, password)]);
  if (!vault.sealed_root || !vaultKey) {
    const hint = t('Bring the key with its file or its words.');
    throw new KimError('no_vault', hint, t('This account has no vault.'));
  }
  return openedWith(vaultKey, username, vault);
}

/**
 * @param {string} username
 * @param {string} password
 * @param {Bytes} root  R
 * @throws {import('../net/api.js').ApiError} `vault_differs`: another root is kept there
 */
export async function put(username, password, root) {
  const { derived, newDerived, vaultKey } = await workedForVault(username, password);
  const vault = await vaultOf(vaultKey, username, root);
  await creator.saveVault({ ...vault, derived, new_derived: newDerived });
}

/**
 * Proof, salt and vault change together.
 * @param {string} username
 * @param {string} before
 * @param {string} after
 */
export async function changePassword(username, before, after) {
  const [vault, row] = await Promise.all([creator.vault(), store.root(username)]);
  const now = await workedFor(username, before);
  const root =
    now.vaultKey && vault.sealed_root ? await openedWith(now.vaultKey, username, vault) : row?.root;
  const fresh = await freshlyDerived(after, root ? 2 : 1);
  const sealed =
    root && fresh.vaultKey ? { vault: await vaultOf(fresh.vaultKey, username, root) } : {};
  await creator.changePassword({
    derived: now.derived,
    new_salt: fresh.salt,
    new_derived: fresh.derived,
    ...sealed,
  });
  if (row && !vault.sealed_root) await store.markRoot(username, { vault: 'same' });
}

/**
 * @param {string} username
 * @returns {Promise<'none' | 'same' | 'other' | 'away'>} away: the vault has one, this browser none
 */
export async function standing(username) {
  const [vault, row] = await Promise.all([creator.vault(), store.root(username)]);
  if (!vault.recovery_hash) return 'none';
  if (!row) return 'away';
  return recoveryHash(row.root) === vault.recovery_hash ? 'same' : 'other';
}

/**
 * @param {string} username
 * @param {Bytes} root  out of the vault
 * @param {store.Root | undefined} row  what this browser has
 */
async function keepBeside(username, root, row) {
  if (!row) {
    const untold = { isSaved: false, isDownloaded: false };
    await store.keepRoot({ username, root, ...untold, vault: 'same' });
  } else if (isEqual(row.root, root)) {
    await store.markRoot(username, { vault: 'same' });
  } else if (row.vault !== 'other') {
    const untold = { isSaved: false, isDownloaded: false, isUnused: false };
    await store.markRoot(username, { vault: 'other', ...untold });
  }
}

/**
 * @param {Bytes} vaultKey
 * @param {string} username
 * @param {Vault} vault
 * @returns {Promise<Bytes>}
 */
async function openedWith(vaultKey, username, vault) {
  const sealed = fromBase64url(vault.sealed_root ?? '');
  const root = await openRoot(vaultKey, username, sealed);
  if (root && recoveryHash(root) === vault.recovery_hash) return root;
  const hint = t('Check the password. If it is right, bring the key with its file or its words.');
  throw new KimError('vault_shut', hint, t('Your vault does not open with this password.'));
}

/** @returns {Promise<Bytes | null>} a new R, if no file of this account needs another */
async function rootForNobodysFiles() {
  const { files } = await creator.files();
  return files.some((file) => file.h_s) ? null : newRoot();
}
