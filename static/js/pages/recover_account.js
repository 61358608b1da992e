/**
 * Back into an account without its password: the words or the key file prove it. They stay here.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { recoverySecret, sealRoot } from '../crypto/vault.js';
import * as store from '../io/store.js';
import { recoverAccount } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { t } from '../texts/say.js';
import { entry } from './entry.js';
import { rootFrom } from './keys.js';
import { siteName, wrongWith } from './newpassword.js';
import { freshlyDerived } from './passwords.js';

const username = byId('username', HTMLInputElement);
const file = byId('key-file', HTMLInputElement);
const words = byId('words', HTMLTextAreaElement);
const password = byId('password', HTMLInputElement);
for (const input of [username, file, words, password]) {
  input.addEventListener('input', () => setWrong(input, ''));
}

entry({
  busy: t('Opening…'),
  enter: async () => {
    const name = username.value.trim();
    const chosen = file.files?.[0];
    if (!name) return refuse(username, t('Your name, as you signed up with it.'));
    if (!chosen && !words.value.trim()) return refuse(words, t('The 24 words, or the key file.'));
    const wrong = await wrongWith(password.value, [name, siteName()]);
    if (wrong) return refuse(password, wrong);
    const root = await rootFrom(chosen, words.value);
    const { salt, derived, vaultKey } = await freshlyDerived(password.value);
    if (!vaultKey) throw new Error('scheme 2 has a vault key');
    const { username: me } = await recoverAccount({
      username: name,
      recovery: toBase64url(recoverySecret(root)),
      new_salt: salt,
      new_derived: derived,
      sealed_root: toBase64url(await sealRoot(vaultKey, name, root)),
    });
    await keep(me, root);
    return true;
  },
});

/**
 * What was typed proved to be the account's key; another one that lies here is not overwritten.
 * @param {string} me
 * @param {import('../crypto/bytes.js').Bytes} root
 */
async function keep(me, root) {
  const row = { username: me, root, isSaved: true, isDownloaded: false };
  await store.keepFirstRoot({ ...row, vault: 'same' });
}
