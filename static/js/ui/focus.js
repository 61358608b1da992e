/**
 * The keyboard's place in a list that is drawn anew: it comes back to what is there instead.
 * @module
 */

/**
 * @param {HTMLElement} list  of rows with data-file, their buttons with data-action
 * @returns {() => void} to be called once the new rows stand
 */
export function keepFocus(list) {
  const held = document.activeElement;
  if (!(held instanceof HTMLElement) || !list.contains(held)) return () => undefined;
  const row = held.closest('[data-file]');
  const name = row instanceof HTMLElement ? row.dataset['file'] : undefined;
  const act = held.dataset['action'];
  return () => {
    const rows = [...list.querySelectorAll('[data-file]')];
    const same = rows.find((each) => each instanceof HTMLElement && each.dataset['file'] === name);
    const candidates = [...(same ?? list).querySelectorAll('button, summary, a[href]')];
    const fits = candidates.filter((each) => each instanceof HTMLElement && each.checkVisibility());
    const best = fits.find((each) => act && each.getAttribute('data-action') === act) ?? fits[0];
    (best instanceof HTMLElement ? best : document.querySelector('main'))?.focus();
  };
}
