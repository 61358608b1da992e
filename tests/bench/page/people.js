/**
 * Works the product's own pages in a window of their own, the way a person would: no DevTools
 * connection, which would slow them down.
 * @module
 */

/** Large files take long. */
const PATIENCE_MS = 1000 * Number(new URLSearchParams(location.search).get('patience') ?? 150);
const LOOK_EVERY_MS = 4;
const LOOKS = 'popup,width=1280,height=900';

/**
 * @param {string} path
 * @returns {Window}
 */
export function open(path) {
  const found = window.open(path, '', LOOKS);
  if (!found) throw new Error('the browser opened no window');
  return found;
}

/**
 * @template T
 * @param {string} what  for the message, should it never come
 * @param {() => T} look
 * @returns {Promise<NonNullable<T>>} what it saw at last
 */
export async function seen(what, look, patienceMs = PATIENCE_MS) {
  const until = performance.now() + patienceMs;
  for (;;) {
    const found = look();
    if (found) return found;
    if (performance.now() > until) throw new Error(`${what}: waited in vain`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * @param {Window} page
 * @param {string} id
 * @returns {HTMLElement | null} that part of the page, if it can be seen. `hidden` is asked for by
 *   itself: until all style sheets are there it may have a box, which nobody is shown yet
 */
export function by(page, id) {
  /** @type {HTMLElement | null} */
  const found = page.document.querySelector(`[data-testid="${id}"]`);
  return found?.checkVisibility() && !found.closest('[hidden]') ? found : null;
}

/**
 * @param {Window} page
 * @param {string} id
 * @returns {Promise<HTMLElement>} once it was there and could be pressed
 */
export async function press(page, id) {
  const found = await seen(id, () => {
    const button = /** @type {HTMLButtonElement | null} */ (by(page, id));
    return button && !button.disabled ? button : null;
  });
  found.click();
  return found;
}

/**
 * @param {Window} page
 * @param {string} id
 * @param {string} text
 */
export async function fill(page, id, text) {
  const field = /** @type {HTMLInputElement} */ (await seen(id, () => by(page, id)));
  field.value = text;
  for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
}

/**
 * The sell page, once it takes files.
 * @returns {Promise<Window>}
 */
export async function sellPage() {
  const page = open('/sell/');
  await seen('the sell page', () => {
    const button = page.document.querySelector('[data-testid="publish"]');
    return button && !(/** @type {HTMLButtonElement} */ (button).disabled);
  });
  return page;
}

/**
 * Chooses a file, as the file dialog would.
 * @param {Window} page
 * @param {File} file
 */
export function choose(page, file) {
  const input = page.document.querySelector('[data-testid="drop-input"]');
  const chosen = new DataTransfer();
  chosen.items.add(file);
  Object.assign(/** @type {HTMLInputElement} */ (input), { files: chosen.files });
  input?.dispatchEvent(new Event('change', { bubbles: true }));
}

/**
 * @param {Window} page
 * @param {string} state
 */
export async function uploadIs(page, state) {
  await seen(`the upload ${state}`, () => by(page, 'upload-progress')?.dataset['state'] === state);
}

/**
 * @param {Window} page
 * @returns {Promise<string>} the link to share
 */
export async function publish(page) {
  await fill(page, 'price-amount', '2.00');
  await press(page, 'publish');
  const link = await seen('the link', () => by(page, 'share-link'));
  return seen('the link', () =>
    ('value' in link ? String(link.value) : (link.textContent ?? '')).trim(),
  );
}
