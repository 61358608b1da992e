/**
 * One appeal against one decision, with its reason.
 * @module
 */
import { t } from '../texts/say.js';
import { refuse, setWrong } from '../ui/field.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import * as problem from '../ui/problem.js';

const LEAST_LETTERS = 10;

/**
 * @param {HTMLFormElement} form
 * @param {{ text: HTMLTextAreaElement, button: HTMLButtonElement, place: HTMLElement }} parts
 * @param {(text: string) => Promise<unknown>} send  the page is loaded anew after it
 */
export function takeAppeal(form, { text, button, place }, send) {
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
      await send(linkless(text.value));
      location.reload();
    } catch (error) {
      problem.show(place, error);
      button.disabled = false;
    }
  });
  button.disabled = false;
}
