/**
 * A suspended creator's one appeal, and the way out.
 * @module
 */
import { logOut } from '../net/creator.js';
import { appealSuspension } from '../net/reports.js';
import { t } from '../texts/say.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import * as problem from '../ui/problem.js';

const LEAST_LETTERS = 10;

const place = byId('problem');

byId('leave', HTMLButtonElement).addEventListener('click', async () => {
  try {
    await logOut();
    location.assign('/');
  } catch (error) {
    problem.show(place, error);
  }
});

/** @param {HTMLFormElement} form  there until an appeal was made */
function takeAppeal(form) {
  const text = byId('appeal', HTMLTextAreaElement);
  const button = byId('send', HTMLButtonElement);
  keepLinkless(text);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    setWrong(text, '');
    if (text.value.trim().length < LEAST_LETTERS) {
      refuse(text, t('A sentence, please: why is the decision wrong?'));
      return;
    }
    problem.hide(place);
    button.disabled = true;
    try {
      await appealSuspension(linkless(text.value));
      location.reload();
    } catch (error) {
      problem.show(place, error);
      button.disabled = false;
    }
  });
  button.disabled = false;
}

const form = document.querySelector('form#form');
if (form instanceof HTMLFormElement) takeAppeal(form);
