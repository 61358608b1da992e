/**
 * Taking everything along, and closing the account: the last part of the settings.
 * @module
 */
import * as store from '../io/store.js';
import * as leaving from '../net/leaving.js';
import { byId } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { many, t } from '../texts/say.js';
import { isRootOf, linkOf } from './keys.js';
import { ProofField } from './proving.js';

/** @import { Exported } from '../net/leaving.js' */

/** @param {string} username */
export function showLeaving(username) {
  const save = byId('export-save', HTMLButtonElement);
  save.addEventListener('click', async () => {
    problem.hide(byId('export-problem'));
    save.disabled = true;
    byId('export-said').textContent = t('Collecting…');
    try {
      byId('export-said').textContent = await saveAll(username);
    } catch (error) {
      byId('export-said').textContent = '';
      problem.show(byId('export-problem'), error);
    }
    save.disabled = false;
  });
  const proof = new ProofField('close', username);
  const form = byId('close-form', HTMLFormElement);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    problem.hide(byId('close-problem'));
    button.disabled = true;
    try {
      if (await close(proof)) return location.assign('/');
    } catch (error) {
      problem.show(byId('close-problem'), error);
    }
    button.disabled = false;
  });
}

/**
 * @param {ProofField} proof
 * @returns {Promise<boolean>} whether it is closed
 */
async function close(proof) {
  if (!byId('close-sure', HTMLInputElement).checked) {
    throw new Error(t('Say that you are sure: there is no way back.'));
  }
  return (await proof.with((given) => leaving.close(given).then(() => true))) === true;
}

/**
 * @param {string} username
 * @returns {Promise<string>} what was saved, in words
 */
async function saveAll(username) {
  const [all, row] = await Promise.all([leaving.everything(), store.root(username)]);
  const linked = row ? withLinks(all, row.root) : 0;
  const size = format.bytes(JSON.stringify(all).length);
  const name = `kim-account-${username}-${all.made_at.slice(0, 10)}.json`;
  downloadText(name, JSON.stringify(all, null, 1));
  if (!row) {
    return t('Saved, {size}. Links are missing: your key is not in this browser.', { size });
  }
  return many(
    all.files.length,
    'Saved, {size}: 1 file, {linked} of them with their links.',
    'Saved, {size}: {count} files, {linked} of them with their links.',
    { size, linked },
  );
}

/**
 * @param {Exported} all  gets a `link` in every file that this root is of
 * @param {import('../crypto/bytes.js').Bytes} root
 * @returns {number} how many
 */
function withLinks(all, root) {
  let count = 0;
  for (const file of all.files) {
    if (!isRootOf(root, file)) continue;
    file.link = linkOf(root, file);
    count += 1;
  }
  return count;
}
