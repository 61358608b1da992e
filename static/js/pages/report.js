/**
 * Reporting a file. What is typed is sent without link secrets; a proof is made in this browser.
 * @module
 */
import * as reports from '../net/reports.js';
import { t } from '../texts/say.js';
import { byId, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import * as problem from '../ui/problem.js';

/** @import { Proof } from '../net/reports.js' */

const LEAST_LETTERS = 10;

const form = byId('form', HTMLFormElement);
const fileId = form.dataset['file'] ?? '';
const send = one(form, 'button[type=submit]');
const text = byId('text', HTMLTextAreaElement);
const email = byId('email', HTMLInputElement);
const name = byId('name', HTMLInputElement);
const work = byId('work', HTMLTextAreaElement);
const faith = byId('faith', HTMLInputElement);
const attached = slot(form, 'attached');

/** @type {Proof | null} */
let proof = null;

for (const input of [text, name, work, email]) keepLinkless(input);

function kind() {
  return /** @type {HTMLSelectElement} */ (byId('kind', HTMLSelectElement)).value;
}

function showKind() {
  const isNotice = kind() === 'rights';
  byId('notice').hidden = !isNotice;
  slot(form, 'for-outcome').hidden = isNotice;
  slot(form, 'for-notice').hidden = !isNotice;
}

async function attach() {
  const place = byId('proof-problem');
  problem.hide(place);
  const button = byId('attach', HTMLButtonElement);
  button.disabled = true;
  try {
    const { prove } = await import('./piece.js');
    const number = Number(byId('piece', HTMLInputElement).value) || 1;
    const made = await prove(fileId, {
      segment: number - 1,
      licence: byId('licence', HTMLInputElement).files?.[0] ?? null,
      link: byId('own-link', HTMLInputElement).value.trim(),
    });
    proof = made.proof;
    attached.textContent = t(
      'Piece {number} of {all} is attached, with the key of this piece alone.',
      {
        ...{ number, all: made.segmentCount },
      },
    );
    attached.hidden = false;
  } catch (error) {
    problem.show(place, error);
  }
  button.disabled = false;
}

/** @returns {boolean} whether everything is there; what is missing is said in its field */
function isComplete() {
  if (text.value.trim().length < LEAST_LETTERS) {
    return refuse(text, t('A sentence, please: what is wrong with the file?'));
  }
  if (kind() === 'rights') {
    if (!name.value.trim()) return refuse(name, t('Who gives this notice?'));
    if (!work.value.trim()) return refuse(work, t('Which work is it, and who holds the rights?'));
    if (!faith.checked) return refuse(faith, t('A notice needs this statement.'));
  }
  const needsEmail = kind() === 'rights' || email.value.trim();
  if (needsEmail && !(email.value.trim() && email.checkValidity())) {
    return refuse(email, t('An e-mail address, like name@example.org.'));
  }
  return true;
}

async function submit() {
  problem.hide(byId('problem'));
  // Not as a field is left: what stands below would move away under the finger that presses it.
  for (const input of [text, email, name, work, faith]) setWrong(input, '');
  if (!isComplete()) return;
  send.setAttribute('disabled', '');
  try {
    const { reference } = await reports.send(fileId, {
      kind: kind(),
      text: linkless(text.value),
      email: email.value.trim(),
      name: linkless(name.value),
      work: linkless(work.value),
      good_faith: faith.checked,
      proof,
    });
    location.assign(`/reports/${reference}`);
  } catch (error) {
    problem.show(byId('problem'), error);
    send.removeAttribute('disabled');
  }
}

byId('kind').addEventListener('change', showKind);
byId('attach').addEventListener('click', () => void attach());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void submit();
});
showKind();
send.removeAttribute('disabled');
document.documentElement.dataset['alive'] = 'yes';
