/**
 * Logging in: the password is worked on here, for about a second, and never sent. It opens the vault,
 * so that the key is here as well.
 * @module
 */
import { ApiError } from '../net/api.js';
import { logIn } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { t } from '../texts/say.js';
import { entry } from './entry.js';
import { workedFor } from './passwords.js';
import { bring } from './vault.js';

/** @typedef {Awaited<ReturnType<typeof workedFor>>} Worked */

/** Refusals that are no end, and where they lead. @type {Record<string, string>} */
const ELSEWHERE = { second_step_required: '', account_suspended: '/suspended/' };

const username = byId('username', HTMLInputElement);
const password = byId('password', HTMLInputElement);
const code = byId('code', HTMLInputElement);
for (const input of [username, password, code]) {
  input.addEventListener('input', () => setWrong(input, ''));
}

/** Worked out once: a code that was mistyped does not cost a second more. */
let worked = { name: '', password: '', result: /** @type {Promise<Worked> | null} */ (null) };

/**
 * @param {string} name
 * @param {string} secret
 */
function work(name, secret) {
  if (!worked.result || worked.name !== name || worked.password !== secret) {
    const result = workedFor(name, secret);
    worked = { name, password: secret, result };
    result.catch(() => (worked.result = null));
  }
  return /** @type {Promise<Worked>} */ (worked.result);
}

function asksForCode() {
  return !byId('code-field').hidden;
}

/** @returns {false} the form is not done */
function askForCode() {
  byId('code-field').hidden = false;
  code.focus();
  return false;
}

entry({
  busy: t('Logging in…'),
  enter: async () => {
    const name = username.value.trim();
    if (!name) return refuse(username, t('Your name, as you signed up with it.'));
    if (!password.value) return refuse(password, t('Your password.'));
    if (asksForCode() && !code.value.trim()) {
      return refuse(code, t('The six digits, or a spare code.'));
    }
    const { derived, vaultKey } = await work(name, password.value);
    const typed = code.value.trim();
    const me = await logIn({ username: name, derived, ...(typed ? { code: typed } : {}) }).catch(
      (error) => {
        if (!(error instanceof ApiError) || !(error.code in ELSEWHERE)) throw error;
        return error.code;
      },
    );
    if (me === 'second_step_required') return askForCode();
    if (typeof me === 'string') return ELSEWHERE[me] ?? false;
    // Without the vault one is logged in all the same; the settings page says how it stands.
    await bring(me.username, password.value, vaultKey).catch(() => undefined);
    return true;
  },
});
