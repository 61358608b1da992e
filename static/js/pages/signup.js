/**
 * A new creator: a name, and a password that stays here.
 * @module
 */
import { signUp } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { entry } from './entry.js';
import { freshlyDerived } from './passwords.js';

const LEAST_LETTERS = 10;
const INVITATION = 'invitation';

const form = document.getElementById('form');
if (form) {
  const username = byId('username', HTMLInputElement);
  const password = byId('password', HTMLInputElement);
  for (const input of [username, password]) {
    input.addEventListener('input', () => setWrong(input, ''));
  }
  entry({ busy: 'Signing up…', enter: () => enter(username, password) });
}

/**
 * @param {HTMLInputElement} username
 * @param {HTMLInputElement} password
 */
async function enter(username, password) {
  const name = username.value.trim();
  if (!name) return refuse(username, 'Choose a name.');
  if (password.value.length < LEAST_LETTERS) {
    return refuse(password, 'Longer, please: four random words are good.');
  }
  if (password.value === name) return refuse(password, 'Not the same as the name.');
  const { salt, derived } = await freshlyDerived(password.value);
  const field = document.getElementById(INVITATION);
  const invitation = field instanceof HTMLInputElement ? field.value.trim() : '';
  await signUp({ username: name, salt, derived, ...(invitation ? { invitation } : {}) });
  return true;
}
