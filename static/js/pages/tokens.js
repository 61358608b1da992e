/**
 * The settings' tokens for programs: make one, see it once, end one.
 * @module
 */
import * as net from '../net/tokens.js';
import { copy } from '../ui/copy.js';
import { open } from '../ui/dialog.js';
import { action, byId, fromTemplate, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { moment } from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';
import { ProofField } from './proving.js';

/** @import { Token } from '../net/tokens.js' */

/**
 * Show what there is, and listen.
 * @param {string} username
 */
export async function showTokens(username) {
  const form = byId('token-form', HTMLFormElement);
  const button = /** @type {HTMLButtonElement} */ (one(form, 'button[type=submit]'));
  const proof = new ProofField('token', username);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    problem.hide(byId('token-problem'));
    button.disabled = true;
    await make(proof).catch((error) => problem.show(byId('token-problem'), error));
    button.disabled = false;
  });
  await list();
}

async function list() {
  const { tokens } = await net.tokens();
  byId('token-list').replaceChildren(...tokens.map(row));
  byId('token-none').hidden = tokens.length > 0;
}

/** @param {Token} token */
function row(token) {
  const item = one(fromTemplate('token-row'), 'li');
  const values = {
    used: token.used_at ? moment(token.used_at) : '',
    end: moment(token.expires_at),
  };
  slot(item, 'name').textContent = token.name;
  slot(item, 'scopes').textContent = token.scopes.join(' ');
  slot(item, 'when').textContent = token.used_at
    ? t('Last used {used}. It ends {end}.', values)
    : t('Not used yet. It ends {end}.', values);
  action(item, 'end').setAttribute('aria-label', t('End {name}', { name: token.name }));
  action(item, 'end').addEventListener('click', () => askEnd(token));
  return item;
}

/** @param {ProofField} proof */
async function make(proof) {
  const name = byId('token-name', HTMLInputElement);
  setWrong(name, '');
  const scopes = [...boxes()].filter((box) => box.checked).map((box) => box.value);
  byId('token-scopes-wrong').hidden = scopes.length > 0;
  if (!name.value.trim()) return void refuse(name, t('A name, to know it again.'));
  if (!scopes.length) return void boxes()[0]?.focus();
  const days = Number(byId('token-days', HTMLSelectElement).value);
  const made = await proof.with((given) =>
    net.makeToken({ name: name.value.trim(), scopes, days, ...given }),
  );
  if (!made) return;
  byId('token-form', HTMLFormElement).reset();
  byId('token-more', HTMLDetailsElement).open = false;
  show(made.token);
  await list();
}

/** @param {string} token */
function show(token) {
  const dialog = open('token-made');
  slot(dialog, 'token').textContent = token;
  action(dialog, 'copy').addEventListener('click', () => void copy(token, t('Token copied')));
}

/** @param {Token} token */
function askEnd(token) {
  const dialog = open('token-end');
  slot(dialog, 'name').textContent = token.name;
  action(dialog, 'end').addEventListener('click', async () => {
    dialog.close();
    problem.hide(byId('token-list-problem'));
    try {
      await net.endToken(token.id);
      toast(t('The token has ended'));
      await list();
    } catch (error) {
      problem.show(byId('token-list-problem'), error);
    }
  });
}

/** @returns {NodeListOf<HTMLInputElement>} */
function boxes() {
  return byId('token-scopes').querySelectorAll('input');
}
