/**
 * How the vault stands, on the settings page, and the one thing to do about it.
 * @module
 */
import * as store from '../io/store.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { toast } from '../ui/toast.js';
import { mark, t } from '../texts/say.js';
import { downloadKeyFile } from './keys.js';
import { opened, put, standing } from './vault.js';

/** @typedef {Awaited<ReturnType<typeof standing>>} Standing */

/** @type {Record<Standing, {text: string, button: string}>} */
const SAID = {
  same: { text: mark('Your vault holds the key of this browser.'), button: '' },
  none: {
    text: mark('Your vault is empty: the key lies in this browser only.'),
    button: mark('Put the key into the vault'),
  },
  other: {
    text: mark(
      'Your vault holds another key than this browser. Files sealed here open with the one that is here. Nothing was overwritten.',
    ),
    button: mark('Download this key, and use the vault’s here'),
  },
  away: {
    text: mark('Your vault holds your key; this browser has none.'),
    button: mark('Open the vault here'),
  },
};

export class VaultField {
  /** @type {Standing} */
  #standing = 'same';
  #username;
  #onChange;

  /**
   * @param {string} username
   * @param {() => Promise<void>} onChange  the key of this browser is another, or is kept otherwise
   */
  constructor(username, onChange) {
    this.#username = username;
    this.#onChange = onChange;
  }

  async look() {
    this.#standing = await standing(this.#username);
    const isEmpty = this.#standing === 'none' && !(await store.root(this.#username));
    const { text, button } = SAID[this.#standing];
    const line = byId('vault-state');
    line.textContent = isEmpty
      ? t('Your vault is empty. It is filled when you log in, or bring your key here.')
      : t(text);
    line.classList.toggle('amber', this.#standing !== 'same');
    line.hidden = false;
    byId('vault-fields').hidden = !button || isEmpty;
    byId('vault-submit').textContent = button && t(button);
  }

  async submit() {
    const input = byId('vault-password', HTMLInputElement);
    setWrong(input, '');
    if (!input.value) return void refuse(input, t('Your password.'));
    if (this.#standing === 'none') await this.#putIn(input.value);
    else await this.#takeOut(input.value);
    input.value = '';
    await this.look();
    await this.#onChange();
  }

  /** @param {string} password */
  async #putIn(password) {
    const row = await store.root(this.#username);
    if (!row) return;
    await put(this.#username, password, row.root);
    await store.markRoot(this.#username, { vault: 'same' });
    toast(t('The key is in your vault'));
  }

  /** @param {string} password */
  async #takeOut(password) {
    const root = await opened(this.#username, password);
    await downloadKeyFile(this.#username);
    const known = { isSaved: true, isDownloaded: false };
    await store.keepRoot({ username: this.#username, root, ...known, vault: 'same' });
    toast(t('The vault’s key is here now'));
  }
}
