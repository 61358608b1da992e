/**
 * timvisee/send's own pages, worked like ours. Served from a folder beside its scripts, so that its
 * windows may be looked into. Query: `mib`; `notes`, where figures go.
 * @module
 */
import { makeFile } from './gauge.js';
import * as people from './people.js';

const listener = new URLSearchParams(location.search).get('notes') ?? '';

/** @param {object} facts */
const note = (facts) =>
  fetch(listener, { method: 'POST', mode: 'no-cors', body: JSON.stringify(facts) });

/**
 * @template {HTMLElement} T
 * @param {Window} page
 * @param {string} css
 * @returns {Promise<T>}
 */
const there = (page, css) =>
  people.seen(css, () => /** @type {T | null} */ (page.document.querySelector(css)));

/** @returns {Promise<string>} the link to share */
async function upload() {
  const file = await makeFile();
  const page = people.open('/');
  /** @type {HTMLInputElement} */
  const input = await there(page, '#file-upload');
  const chosen = new DataTransfer();
  chosen.items.add(file);
  input.files = chosen.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  const button = await there(page, '#upload-btn');
  await note({ name: 'upload begins' });
  button.click();
  /** @type {HTMLInputElement} */
  const link = await there(page, '#share-url');
  await note({ name: 'upload ends', size: file.size });
  return link.value;
}

/** @param {string} link */
async function download(link) {
  const page = people.open(link);
  const button = await there(page, '#download-btn');
  await note({ name: 'download begins' });
  button.click();
  await there(page, '#download-complete');
  await note({ name: 'download ends' });
}

try {
  await download(await upload());
} catch (error) {
  await note({ error: error instanceof Error ? error.stack : String(error) });
}
await note({ end: true });
