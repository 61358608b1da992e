/**
 * A buyer's first visit, in the real pages. Query: `link`; `seeks` jumps in the film; `save`. Knows
 * nothing of the product's code, so none of it is in the cache.
 * @module
 */
import { drive, measure, note, watchTasks } from './gauge.js';
import * as people from './people.js';
import { post } from './plain.js';

const asked = new URLSearchParams(location.search);
const link = asked.get('link') ?? '';
const seeks = Number(asked.get('seeks') ?? 0);

/** The golden ratio scatters any number of jumps over a film, the same ones every time. */
const SPREAD = 0.618034;

/** @returns {Promise<Window>} with the request to pay on it */
async function order() {
  const from = performance.now();
  const page = people.open(link);
  await people.seen('buy', () => page.location.href === link && people.by(page, 'buy'));
  const scripts = performanceOf(page).filter(({ name }) => name.endsWith('.js'));
  await people.press(page, 'buy');
  await people.seen('the QR', () => page.document.querySelector('[data-slot="qr"] svg path'));
  await note({ name: 'link to QR', seconds: (performance.now() - from) / 1000 });
  await note({
    ...{ name: 'scripts', count: scripts.length },
    wire_bytes: scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  });
  return page;
}

/** @param {Window} page */
function performanceOf(page) {
  const { performance: theirs } = /** @type {any} */ (page);
  return /** @type {PerformanceResourceTiming[]} */ (theirs.getEntriesByType('resource'));
}

/** @param {Window} page */
async function pay(page) {
  const uri = page.document.querySelector('[data-testid="invoice-uri"]')?.getAttribute('href');
  await post('/bench/pay', { uri });
}

/** @param {Window} page */
async function play(page) {
  await people.press(page, 'show');
  const from = performance.now();
  const frame = await people.seen(
    'the player',
    () => /** @type {HTMLIFrameElement | null} */ (page.document.querySelector('iframe.player')),
  );
  const film = await people.seen('the film', () => {
    const found = frame.contentDocument?.querySelector('video');
    if (found?.error) throw new Error(`the film: ${found.error.message}`);
    return found && found.readyState >= 2 ? found : null;
  });
  await note({ name: 'key to frame', seconds: (performance.now() - from) / 1000 });
  film.pause();
  for (let at = 0; at < seeks; at += 1) {
    const target = ((SPREAD * (at + 1)) % 1) * (film.duration - 2);
    const begun = performance.now();
    await new Promise((resolve) => {
      film.addEventListener('seeked', resolve, { once: true });
      film.currentTime = target;
    });
    await people.seen('the frame', () => film.readyState >= 2);
    await note({ name: 'seek', target, seconds: (performance.now() - begun) / 1000 });
  }
  await note({ name: 'film', seconds: film.duration, width: film.videoWidth });
}

/** @param {Window} page */
async function save(page) {
  watchTasks(page);
  await people.seen('saving', () => people.by(page, 'save'));
  delete (/** @type {any} */ (page).showSaveFilePicker); // a dialog that nobody would answer
  const size = Number(asked.get('save'));
  await measure(
    'download',
    1,
    async () => {
      await people.press(page, 'save');
      await people.seen('saved', () => page.document.querySelector('.saving[data-state="saved"]'));
    },
    size,
  );
}

await drive(async () => {
  const page = await order();
  if (!seeks && !asked.has('save')) return;
  await pay(page);
  if (seeks) await play(page);
  else await save(page);
});
