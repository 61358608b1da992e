/**
 * A creator's appeals against decisions about their files.
 * @module
 */
import { appeal } from '../net/reports.js';
import { t } from '../texts/say.js';
import { one } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import * as problem from '../ui/problem.js';

const LEAST_LETTERS = 10;

for (const form of document.querySelectorAll('form[data-measure]')) {
  const text = /** @type {HTMLTextAreaElement} */ (one(form, 'textarea'));
  const place = one(form, '[role=alert]');
  const button = one(form, 'button');
  keepLinkless(text);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    setWrong(text, '');
    if (text.value.trim().length < LEAST_LETTERS) {
      refuse(text, t('A sentence, please: why is the decision wrong?'));
      return;
    }
    problem.hide(place);
    button.setAttribute('disabled', '');
    try {
      await appeal(
        /** @type {HTMLFormElement} */ (form).dataset['measure'] ?? '',
        linkless(text.value),
      );
      location.reload();
    } catch (error) {
      problem.show(place, error);
      button.removeAttribute('disabled');
    }
  });
  button.removeAttribute('disabled');
}
