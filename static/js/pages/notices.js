/**
 * The settings' notices: which ones, and where e-mails go.
 * @module
 */
import * as telling from '../net/telling.js';
import { byId, fromTemplate, meta, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';
import { ProofField } from './proving.js';

/** Show what is set, and listen. */
export async function showNotices() {
  const proof = new ProofField('mail', meta('username'));
  onSubmit('mail', async () => {
    const input = byId('mail-address', HTMLInputElement);
    setWrong(input, '');
    if (!input.value.includes('@')) {
      return void refuse(input, t('An address such as me@example.com.'));
    }
    const email = input.value.trim();
    const wishes = await proof.with((given) => telling.askEmail(email, given));
    if (!wishes) return;
    show(wishes);
    byId('mail-code').focus();
  });
  onSubmit('code', async () => {
    const input = byId('mail-code', HTMLInputElement);
    show(await telling.confirmEmail(input.value));
    input.value = '';
    toast(t('Address confirmed'));
  });
  byId('mail-stop').addEventListener('click', async () => {
    try {
      if (!(await proof.with((given) => telling.stopEmail(given).then(() => true)))) return;
      byId('mail-address', HTMLInputElement).value = '';
      show(await telling.wishes());
      toast(t('No more e-mails'));
    } catch (error) {
      problem.show(byId('mail-problem'), error);
    }
  });
  show(await telling.wishes());
}

/**
 * @param {string} name
 * @param {() => Promise<void>} act
 */
function onSubmit(name, act) {
  const form = byId(`${name}-form`, HTMLFormElement);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    problem.hide(byId(`${name}-problem`));
    button.disabled = true;
    await act().catch((error) => problem.show(byId(`${name}-problem`), error));
    button.disabled = false;
  });
}

/** @param {import('../net/telling.js').Wishes} wishes */
function show(wishes) {
  byId('mail-off').hidden = wishes.can_mail;
  byId('mail-on').hidden = !wishes.can_mail;
  const { email } = wishes;
  const isWaiting = Boolean(email) && !wishes.is_confirmed;
  const said = byId('mail-said');
  said.hidden = !wishes.email;
  said.classList.toggle('amber', isWaiting);
  said.textContent = isWaiting
    ? t('A code was sent to {email}. It holds for an hour.', { email })
    : t('Notices go to {email}.', { email });
  if (wishes.email) byId('mail-address', HTMLInputElement).value = wishes.email;
  byId('code-form').hidden = !isWaiting;
  byId('mail-stop').hidden = !wishes.email;
  byId('wishes').replaceChildren(...wishes.kinds.map(choice));
}

/** @param {{kind: string, text: string, is_on: boolean}} kind */
function choice(kind) {
  const label = one(fromTemplate('wish-row'), 'label');
  const box = /** @type {HTMLInputElement} */ (one(label, 'input'));
  slot(label, 'text').textContent = kind.text;
  box.checked = kind.is_on;
  box.name = kind.kind;
  box.addEventListener('change', () => void keep(box));
  return label;
}

/** @param {HTMLInputElement} changed */
async function keep(changed) {
  problem.hide(byId('wish-problem'));
  const off = byId('wishes').querySelectorAll('input:not(:checked)');
  try {
    await telling.mute([...off].map((box) => box.getAttribute('name') ?? ''));
    toast(t('Saved'));
  } catch (error) {
    changed.checked = !changed.checked;
    problem.show(byId('wish-problem'), error);
  }
}
