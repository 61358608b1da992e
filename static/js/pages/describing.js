/**
 * The description as buyers will see it: beside the form, or below the field it is typed in.
 * @module
 */
import { previewDescription } from '../net/storefront.js';
import { byId } from '../ui/dom.js';
import { linkless } from '../ui/linkless.js';
import * as problem from '../ui/problem.js';
import { rendered } from '../ui/rendered.js';
import { t } from '../texts/say.js';

const TYPING_MS = 300;

/**
 * Live, in the page beside the form.
 * @param {HTMLTextAreaElement} field
 * @param {HTMLElement} place
 */
export function showLive(field, place) {
  let asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  async function draw() {
    const turn = (asked += 1);
    const text = linkless(field.value).trim();
    const nodes = text ? await previewDescription(text).catch(() => null) : { nodes: [] };
    if (turn !== asked) return;
    // Without the server it stands as it is typed.
    place.replaceChildren(nodes ? rendered(nodes.nodes) : text);
    place.hidden = !text;
  }
  field.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => void draw(), TYPING_MS);
  });
  if (field.value) void draw();
}

/**
 * On demand, below the field.
 * @param {string} prefix  of the ids
 */
export function showDescribing(prefix) {
  const field = byId(`${prefix}description`, HTMLTextAreaElement);
  const button = byId(`${prefix}description-look`, HTMLButtonElement);
  const shown = byId(`${prefix}description-shown`);
  const place = byId(`${prefix}description-problem`);
  const label = button.textContent;

  /** @param {boolean} isOpen */
  const setOpen = (isOpen) => {
    shown.hidden = !isOpen;
    button.setAttribute('aria-expanded', String(isOpen));
    button.textContent = isOpen ? t('Close the preview') : label;
  };
  button.addEventListener('click', async () => {
    problem.hide(place);
    if (!shown.hidden) return setOpen(false);
    button.disabled = true;
    try {
      const { nodes } = await previewDescription(linkless(field.value));
      shown.replaceChildren(nodes.length ? rendered(nodes) : t('There is no description yet.'));
      setOpen(true);
    } catch (error) {
      problem.show(place, error);
    }
    button.disabled = false;
  });
  // What is shown is what stands in the field, or nothing.
  field.addEventListener('input', () => setOpen(false));
}
