/**
 * "Where it lies": the copies of a file with their state and last check, and addresses of one's own.
 * @module
 */
import { wait } from '../net/backoff.js';
import * as net from '../net/places.js';
import { open } from '../ui/dialog.js';
import { action, fromTemplate, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { moment } from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { mark, t } from '../texts/say.js';

/**
 * @import { FileView } from '../net/creator.js'
 * @import { Place } from '../net/places.js'
 */

const STATES = {
  checking: { text: mark('being checked'), tone: 'amber' },
  good: { text: mark('good'), tone: 'go' },
  damaged: { text: mark('not usable'), tone: 'red' },
};
const LOOK_MS = 2_000;

/** @param {FileView} file */
export async function showPlaces(file) {
  const { copies } = await net.places(file.id);
  const dialog = open('file-copies');
  slot(dialog, 'title').textContent = file.title;
  const form = /** @type {HTMLFormElement} */ (slot(dialog, 'form'));
  const input = /** @type {HTMLInputElement} */ (one(form, 'input'));
  const place = slot(dialog, 'problem');
  let isChecking = false;
  /** @param {Place[]} found */
  const show = (found) => {
    isChecking = found.some(({ state }) => state === 'checking');
    slot(dialog, 'list').replaceChildren(...found.map((each) => rowOf(file, each, load, place)));
  };
  const load = async () => show((await net.places(file.id)).copies);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void add(file, { input, place, load, button: action(form, 'add') });
  });
  show(copies);
  void follow(dialog, async () => {
    if (isChecking) await load().catch(() => undefined);
  });
}

/**
 * @param {FileView} file
 * @param {Place} copy
 * @param {() => Promise<void>} load
 * @param {HTMLElement} place  for what went wrong
 */
function rowOf(file, copy, load, place) {
  const row = one(fromTemplate('copy-row'), 'li');
  slot(row, 'host').textContent =
    copy.kind === 'store' ? t('Store “{name}”', { name: copy.host }) : copy.host;
  const { text, tone } = STATES[copy.state];
  slot(row, 'state').textContent = t(text);
  slot(row, 'state').className = `badge ${tone}`;
  const facts = [copy.url || t('of this site')];
  if (copy.checked_at) facts.push(t('last read whole {when}', { when: moment(copy.checked_at) }));
  slot(row, 'facts').textContent = facts.join(' · ');
  const forget = action(row, 'forget');
  forget.hidden = copy.kind !== 'url';
  forget.setAttribute('aria-label', t('Remove {name}', { name: copy.url }));
  forget.addEventListener('click', async () => {
    forget.disabled = true;
    try {
      await net.removePlace(file.id, copy.id);
      await load();
    } catch (error) {
      forget.disabled = false;
      problem.show(place, error);
    }
  });
  return row;
}

/**
 * @param {FileView} file
 * @param {{input: HTMLInputElement, place: HTMLElement, button: HTMLButtonElement,
 *   load: () => Promise<void>}} form
 */
async function add(file, { input, place, button, load }) {
  problem.hide(place);
  setWrong(input, '');
  const url = input.value.trim();
  if (!url) {
    refuse(input, t('Paste the address of the sealed file.'));
    return;
  }
  button.disabled = true;
  try {
    await net.addPlace(file.id, url);
    input.value = '';
    await load();
  } catch (error) {
    problem.show(place, error);
  } finally {
    button.disabled = false;
  }
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {() => Promise<void>} look  from time to time, for as long as it is open
 */
async function follow(dialog, look) {
  while (dialog.open) {
    await wait(LOOK_MS);
    if (dialog.open) await look();
  }
}
