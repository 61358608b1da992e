/**
 * Logging in: the password is worked on here, for about a second, and never sent.
 * @module
 */
import { logIn } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { entry } from './entry.js';
import { derivedFor } from './passwords.js';

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
    await logIn({ username: name, derived: await derivedFor(name, password.value) });
    return true;
  },
});
