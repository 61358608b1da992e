/**
 * The second step of the login, on the settings page: off, shown to the app, on.
 * @module
 */
import * as creator from '../net/creator.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, make, one } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';
import { refuse, setWrong } from '../ui/field.js';
import { qr } from '../ui/qr.js';
import { toast } from '../ui/toast.js';
import { many, mark, t } from '../texts/say.js';
import { derivedFor } from './passwords.js';

const BUTTONS = {
  off: mark('Switch it on'),
  shown: mark('That is the code'),
  on: mark('Switch it off'),
};

export class SecondStepField {
  /** @type {'off' | 'shown' | 'on'} */
  #state = 'off';
  #username;

  /** @param {string} username */
  constructor(username) {
    this.#username = username;
  }

  async look() {
    const { is_on: isOn, spare_left: left } = await creator.secondStep();
    const line = byId('step-state');
    line.hidden = !isOn;
    line.classList.toggle('amber', left < 3);
    line.textContent = many(
      left,
      'It is on. {count} spare code is left.',
      'It is on. {count} spare codes are left.',
    );
    this.#become(isOn ? 'on' : 'off');
  }

  async submit() {
    const password = byId('step-password', HTMLInputElement);
    const code = byId('step-code', HTMLInputElement);
    for (const input of [password, code]) setWrong(input, '');
    if (this.#state !== 'shown' && !password.value) {
      return void refuse(password, t('Your password.'));
    }
    if (this.#state !== 'off' && !code.value.trim()) return void refuse(code, t('The six digits.'));
    if (this.#state === 'off') await this.#offer(password.value);
    else if (this.#state === 'shown') await this.#confirm(code.value);
    else await this.#stop(password.value, code.value);
    password.value = code.value = '';
  }

  /** @param {string} password */
  async #offer(password) {
    const derived = await derivedFor(this.#username, password);
    const { secret, uri } = await creator.offerSecondStep(derived);
    byId('step-qr').replaceChildren(qr(uri));
    byId('step-secret').textContent = secret.match(/.{1,4}/g)?.join(' ') ?? secret;
    this.#become('shown');
    byId('step-code').focus();
  }

  /** @param {string} code */
  async #confirm(code) {
    const { spare_codes: codes } = await creator.confirmSecondStep(code);
    await this.look();
    const dialog = dialogs.open('step-spare');
    one(dialog, 'ul').append(...codes.map((text) => make('li', { text })));
    action(dialog, 'save').addEventListener('click', () =>
      downloadText(`kim-spare-codes-${this.#username}.txt`, `${codes.join('\n')}\n`),
    );
  }

  /**
   * @param {string} password
   * @param {string} code
   */
  async #stop(password, code) {
    const derived = await derivedFor(this.#username, password);
    await creator.stopSecondStep({ derived, code });
    toast(t('The second step is off'));
    await this.look();
  }

  /** @param {'off' | 'shown' | 'on'} state */
  #become(state) {
    this.#state = state;
    const isShown = state === 'shown';
    byId('step-shown').hidden = !isShown;
    if (!isShown) byId('step-qr').replaceChildren();
    if (!isShown) byId('step-secret').textContent = '';
    byId('step-password-field').hidden = isShown;
    byId('step-code-field').hidden = state === 'off';
    byId('step-submit').textContent = t(BUTTONS[state]);
  }
}
