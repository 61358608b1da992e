/**
 * A new creator: a name, a password that stays here, and a key that goes into the vault.
 * @module
 */
import { newRoot } from '../crypto/keys.js';
import { vaultOf } from '../crypto/vault.js';
import * as store from '../io/store.js';
import { signUp } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { t } from '../texts/say.js';
import { entry } from './entry.js';
import { siteName, wrongWith } from './newpassword.js';
import { freshlyDerived } from './passwords.js';
import { firstRow } from './vault.js';

const INVITATION = 'invitation';

const form = document.getElementById('form');
if (form) {
  const username = byId('username', HTMLInputElement);
  const password = byId('password', HTMLInputElement);
  for (const input of [username, password]) {
    input.addEventListener('input', () => setWrong(input, ''));
  }
  entry({ busy: t('Signing up…'), enter: () => enter(username, password) });
}

/**
 * @param {HTMLInputElement} username
 * @param {HTMLInputElement} password
 */
async function enter(username, password) {
  const name = username.value.trim();
  if (!name) return refuse(username, t('Choose a name.'));
  const wrong = await wrongWith(password.value, [name, siteName()]);
  if (wrong) return refuse(password, wrong);
  const { salt, derived, vaultKey } = await freshlyDerived(password.value);
  const root = newRoot();
  const vault = vaultKey ? { vault: await vaultOf(vaultKey, name, root) } : {};
  const field = document.getElementById(INVITATION);
  const invitation = field instanceof HTMLInputElement ? field.value.trim() : '';
  const asked = invitation ? { invitation } : {};
  const made = await signUp({ username: name, salt, derived, ...vault, ...asked });
  await store.keepFirstRoot(firstRow(made.username, root));
  return true;
}
