/**
 * What sign-up and login share: one form, one button, one place for what went wrong.
 * @module
 */
import { byId } from '../ui/dom.js';
import * as problem from '../ui/problem.js';

/** Where one may be sent after logging in; anything else is ignored. */
const PLACES = new Set(['/sell/', '/files/', '/sales/', '/notices/', '/settings/']);
/** Promised to scripts (docs/architecture.md): whoever comes in stands where one drops a file. */
const HOME = '/sell/';

/**
 * @param {{busy: string, enter: () => Promise<boolean | string>}} steps  `busy` is shown on the button
 *   while `enter` runs; `enter` is false where a field has to be mended first, and may name where to go
 */
export function entry({ busy, enter }) {
  const form = byId('form', HTMLFormElement);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  const label = button.textContent ?? '';
  const place = byId('problem');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    problem.hide(place);
    button.disabled = true;
    button.textContent = busy;
    try {
      const entered = await enter();
      if (entered) {
        location.assign(entered === true ? next() : entered);
        return; // the button stays as it is until the next page stands
      }
    } catch (error) {
      problem.show(place, error);
    }
    button.disabled = false;
    button.textContent = label;
  });
  button.disabled = false; // it waited for this module: a press before would have been lost
  addEventListener('pageshow', () => {
    button.disabled = false;
    button.textContent = label;
  });
}

function next() {
  const wanted = new URLSearchParams(location.search).get('next') ?? '';
  return PLACES.has(wanted) ? wanted : HOME;
}
