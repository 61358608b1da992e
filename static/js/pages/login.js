/**
 * Logging in: the password is worked on here, for about a second, and never sent. It opens the vault,
 * so that the key is here as well.
 * @module
 */
import { logIn } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { entry } from './entry.js';
import { workedFor } from './passwords.js';
import { bring } from './vault.js';

const username = byId('username', HTMLInputElement);
const password = byId('password', HTMLInputElement);
for (const input of [username, password]) {
  input.addEventListener('input', () => setWrong(input, ''));
}

entry({
  busy: 'Logging in…',
  enter: async () => {
    const name = username.value.trim();
    if (!name) return refuse(username, 'Your name, as you signed up with it.');
    if (!password.value) return refuse(password, 'Your password.');
    const { derived, vaultKey } = await workedFor(name, password.value);
    const me = await logIn({ username: name, derived });
    // Without the vault one is logged in all the same; the settings page says how it stands.
    await bring(me.username, password.value, vaultKey).catch(() => undefined);
    return true;
  },
});
